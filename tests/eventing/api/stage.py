"""The ops API over a small Operations of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from eventing.api.app import create_api
from tests.eventing.small_operations import BOUNDS_S, SmallOperations, broker, trigger


def stocked() -> SmallOperations:
    """Two Brokers, two Triggers; three dead letters: m1 of mail, m2 that was refused, m3."""
    operations = SmallOperations(
        broker_list=[broker("default", "shop"), broker("other", "shop", ready=False)],
        trigger_list=[trigger("default", "bill", of="shop"), trigger("other", "mail", of="shop", lane=None)],
    )
    operations.store.fill("1", trigger="mail")
    operations.store.fill("2", reason="refused")
    operations.store.fill("3")
    return operations


@asynccontextmanager
async def asked(operations: SmallOperations) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_api(operations, latency_bounds_s=BOUNDS_S))
    async with httpx2.AsyncClient(transport=transport, base_url="http://ops") as client:
        yield client
