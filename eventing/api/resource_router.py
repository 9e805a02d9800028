"""The ops API's paths about Brokers, Triggers and what their events rest in."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from eventing.api.answer import CONFLICT, NOT_FOUND
from eventing.api.model import Broker, BrokerList, Journal, Trigger, TriggerList
from eventing.errors import Conflict, NotFound
from eventing.operations import Operations

Filter = Annotated[str | None, Query()]
"""A query parameter that keeps only what has this value."""


def create_router(operations: Operations) -> APIRouter:
    """All of them."""
    router = APIRouter(tags=["resources"])
    router.include_router(_broker_router(operations))
    router.include_router(_trigger_router(operations))
    return router


def _broker_router(operations: Operations) -> APIRouter:
    router = APIRouter()

    @router.get("/brokers")
    async def list_brokers(namespace: Filter = None) -> BrokerList:
        """All Brokers, or those of one namespace."""
        found = [one for one in operations.brokers() if namespace in (None, one.namespace)]
        return BrokerList(items=[Broker.model_validate(one) for one in found])

    @router.get("/brokers/{namespace}/{name}", responses=NOT_FOUND)
    async def get_broker(namespace: str, name: str) -> Broker:
        """One Broker."""
        for one in operations.brokers():
            if (one.namespace, one.name) == (namespace, name):
                return Broker.model_validate(one)
        raise HTTPException(404, f"there is no Broker {namespace}/{name}")

    @router.get("/journal", responses=NOT_FOUND)
    async def get_journal() -> Journal:
        """What the journal holds, and whether it can store; 404 where all channels are in memory."""
        journal = operations.journal()
        if journal is None:
            raise HTTPException(404, "this server has no journal")
        return Journal.model_validate(journal)

    return router


def _trigger_router(operations: Operations) -> APIRouter:
    router = APIRouter()

    @router.get("/triggers")
    async def list_triggers(namespace: Filter = None, broker: Filter = None) -> TriggerList:
        """All Triggers, or those of one namespace, one Broker, or both."""
        found = [
            one for one in operations.triggers() if namespace in (None, one.namespace) and broker in (None, one.broker)
        ]
        return TriggerList(items=[Trigger.model_validate(one) for one in found])

    @router.get("/triggers/{namespace}/{name}", responses=NOT_FOUND)
    async def get_trigger(namespace: str, name: str) -> Trigger:
        """One Trigger."""
        for one in operations.triggers():
            if (one.namespace, one.name) == (namespace, name):
                return Trigger.model_validate(one)
        raise HTTPException(404, f"there is no Trigger {namespace}/{name}")

    @router.post("/triggers/{namespace}/{name}/pause", responses=NOT_FOUND | CONFLICT)
    async def pause_trigger(namespace: str, name: str) -> Trigger:
        """Send it nothing more until it is resumed: its events wait, where the channel is durable over restarts."""
        return await _pause(namespace, name, is_paused=True)

    @router.post("/triggers/{namespace}/{name}/resume", responses=NOT_FOUND | CONFLICT)
    async def resume_trigger(namespace: str, name: str) -> Trigger:
        """Send it what waited, and what comes."""
        return await _pause(namespace, name, is_paused=False)

    async def _pause(namespace: str, name: str, *, is_paused: bool) -> Trigger:
        try:
            await operations.pause(namespace, name, is_paused=is_paused)
        except NotFound as error:
            raise HTTPException(404, f"there is no Trigger {namespace}/{name}") from error
        except Conflict as error:
            raise HTTPException(409, f"Trigger {namespace}/{name} was changed meanwhile: try again") from error
        return await get_trigger(namespace, name)

    return router
