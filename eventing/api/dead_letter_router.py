"""The ops API's paths about dead letters and redrives."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from channels.dead_letter import Selector
from eventing.api.answer import INVALID, NOT_FOUND, UNAVAILABLE
from eventing.api.dead_letter_model import (
    DeadLetterDetail,
    DeadLetterList,
    DeadLetterSummary,
    DiscardAnswer,
    Discarded,
    DiscardOrder,
    Missing,
    PageQuery,
    Redrive,
    RedriveAnswer,
    RedriveList,
    RedriveOrder,
    Selection,
    Tally,
    TallyList,
)
from eventing.api.dead_letter_model import Selector as SelectorModel
from eventing.dead_letter_office import DeadLetterOffice, Page, Told, UnknownPage
from eventing.operations import Operations


def create_router(operations: Operations) -> APIRouter:
    """All of them."""
    router = APIRouter()
    router.include_router(_letter_router(operations))
    router.include_router(_order_router(operations))
    router.include_router(_redrive_router(operations))
    return router


def _letter_router(operations: Operations) -> APIRouter:
    router = APIRouter(tags=["dead letters"], responses=INVALID | UNAVAILABLE)

    @router.get("/deadletters")
    async def list_dead_letters(query: Annotated[PageQuery, Query()]) -> DeadLetterList:
        """Dead letters in the built-in store, newest first."""
        try:
            page = await operations.dead_letters.find(query.selector(), limit=query.limit, before=query.before)
        except UnknownPage as error:
            raise HTTPException(422, f"query.before: {query.before!r} is no page of this server") from error
        items = [DeadLetterSummary.of(one) for one in page.letters]
        return DeadLetterList(items=items, next=page.next, missing=_missing(page))

    @router.get("/deadletters/tally")
    async def tally_dead_letters(query: Annotated[Selection, Query()]) -> TallyList:
        """How many there are, by Trigger and reason."""
        found = await operations.dead_letters.tally(query.selector())
        return TallyList(
            items=[Tally.of(one) for one in found.value],
            total=sum(one.count for one in found.value),
            evicted=operations.dead_letters.evicted,
            missing=_missing(found),
        )

    @router.get("/deadletters/{letter_id}", responses=NOT_FOUND)
    async def get_dead_letter(letter_id: str) -> DeadLetterDetail:
        """One dead letter with its event's data and every attempt."""
        letter = await operations.dead_letters.get(letter_id)
        if letter is None:
            raise HTTPException(404, f"there is no dead letter {letter_id}")
        return DeadLetterDetail.of(letter)

    return router


def _order_router(operations: Operations) -> APIRouter:
    router = APIRouter(tags=["dead letters"], responses=INVALID | UNAVAILABLE)

    @router.post("/deadletters/redrive")
    async def redrive_dead_letters(order: RedriveOrder) -> RedriveAnswer:
        """Deliver the selected ones once more, oldest first; how that goes on, `/ops/v1/redrives` tells."""
        office, selector = operations.dead_letters, order.selector()
        shown = SelectorModel.of(selector)
        if order.dry_run:
            count, missing = await _count(office, selector, order.limit)
            return RedriveAnswer(count=count, dry_run=True, selector=shown, items=[], missing=missing)
        begun = await office.redrive(selector, rate=order.rate, limit=order.limit)
        return RedriveAnswer(
            count=sum(one.total for one in begun.value),
            dry_run=False,
            selector=shown,
            items=[Redrive.of(one) for one in begun.value],
            missing=_missing(begun),
        )

    @router.post("/deadletters/discard")
    async def discard_dead_letters(order: DiscardOrder) -> DiscardAnswer:
        """Let the selected ones go, oldest first. Nothing brings them back."""
        office, selector = operations.dead_letters, order.selector()
        shown = SelectorModel.of(selector)
        if order.dry_run:
            count, missing = await _count(office, selector, order.limit)
            return DiscardAnswer(count=count, dry_run=True, selector=shown, items=[], missing=missing)
        gone = await office.discard(selector, limit=order.limit)
        return DiscardAnswer(
            count=sum(gone.value.values()),
            dry_run=False,
            selector=shown,
            items=[Discarded(**address._asdict(), count=count) for address, count in sorted(gone.value.items())],
            missing=_missing(gone),
        )

    return router


def _redrive_router(operations: Operations) -> APIRouter:
    router = APIRouter(tags=["redrives"])

    @router.get("/redrives")
    async def list_redrives() -> RedriveList:
        """Redrives under way and the last that ended, newest first."""
        return RedriveList(items=[Redrive.of(one) for one in operations.dead_letters.redrives])

    @router.get("/redrives/{redrive_id}", responses=NOT_FOUND)
    async def get_redrive(redrive_id: str) -> Redrive:
        """One redrive, and how far it is."""
        found = operations.dead_letters.find_redrive(redrive_id)
        if found is None:
            raise HTTPException(404, f"there is no redrive {redrive_id}")
        return Redrive.of(found)

    return router


async def _count(office: DeadLetterOffice, selector: Selector, limit: int | None) -> tuple[int, list[Missing]]:
    """How many of them there are, up to `limit`, and who did not say."""
    tallies = await office.tally(selector)
    count = sum(one.count for one in tallies.value)
    return count if limit is None else min(count, limit), _missing(tallies)


def _missing(told: Page | Told[Any]) -> list[Missing]:
    return [Missing.model_validate(one) for one in told.missing]
