"""The store in memory obeys the laws of every store, and its own bound."""

from datetime import UTC, datetime, timedelta

import pytest

from eventing.errors import Expired
from eventing.resources.identity import key_of
from eventing.store.conformance import LAWS, Law, config_map
from eventing.store.memory import MemoryStore


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_it_obeys(law: Law) -> None:
    """Each law of `eventing.store.conformance`."""
    await law(MemoryStore())


async def test_a_watch_from_before_the_kept_changes_is_expired() -> None:
    """Of `changes_max` changes, one more is one too old: listing again is the way on."""
    store = MemoryStore(changes_max=2)
    for name in ("a", "b", "c"):
        await store.create(config_map(name))
    async with store.watch(since="1") as changes:
        assert (await anext(changes)).item["metadata"]["name"] == "b"
    with pytest.raises(Expired):
        async with store.watch(since="0"):
            pass


async def test_a_reader_that_falls_behind_finds_its_watch_expired() -> None:
    """A slow watcher costs no memory: what it has not read in time is gone, and it is told so."""
    store = MemoryStore(changes_max=2)
    async with store.watch() as changes:
        for name in ("a", "b", "c"):
            await store.create(config_map(name))
        with pytest.raises(Expired):
            async for _ in changes:
                pass


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
