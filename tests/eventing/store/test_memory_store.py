"""The store in memory obeys the laws of every store, and its own bound."""

from datetime import UTC, datetime, timedelta

import pytest

from eventing.resources.identity import key_of
from eventing.store.conformance import BOUNDED_LAWS, CHANGES_MAX, LAWS, RACE_LAWS
from eventing.store.witness import Law, PairLaw, config_map
from tests.eventing.store.memory_store import MemoryStore


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_it_obeys(law: Law) -> None:
    """Each law of `eventing.store.conformance`."""
    await law(MemoryStore())


@pytest.mark.parametrize("law", BOUNDED_LAWS, ids=lambda law: law.__name__)
async def test_it_obeys_within_bounds(law: Law) -> None:
    """What it keeps of its changes is bounded."""
    await law(MemoryStore(changes_max=CHANGES_MAX))


@pytest.mark.parametrize("law", RACE_LAWS, ids=lambda law: law.__name__)
async def test_it_obeys_under_races(law: PairLaw) -> None:
    """Both doors are the store's only one."""
    store = MemoryStore()
    await law(store, store)


async def test_creation_time_is_the_clocks() -> None:
    """`creationTimestamp` and `deletionTimestamp` are what the clock says, in RFC 3339."""
    times = iter(("2024-05-01T12:00:00Z", "2024-05-01T13:00:00Z"))
    store = MemoryStore(clock=lambda: next(times))
    item = config_map()
    item["metadata"]["finalizers"] = ["a"]
    created = await store.create(item)
    await store.delete(key_of(item))
    marked = await store.get(key_of(item))
    assert "2024-05-01T12:00:00Z" == created["metadata"]["creationTimestamp"] == marked["metadata"]["creationTimestamp"]
    assert "2024-05-01T13:00:00Z" == marked["metadata"]["deletionTimestamp"]


async def test_the_default_clock_tells_utc_to_the_second() -> None:
    """A timestamp reads like 2024-05-01T12:00:00Z."""
    created = await MemoryStore().create(config_map())
    text = created["metadata"]["creationTimestamp"]
    assert abs(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(
        minutes=1
    )
