"""One reader of a feed."""

import asyncio

from eventing.resources.identity import GroupKind
from eventing.store.contract import Change
from eventing.store.feed import Feed
from eventing.store.row import Codec
from eventing.store.watcher import Watcher
from tests.eventing.store.log import Log, row


async def test_a_watcher_shows_what_it_was_asked_for(log: Log) -> None:
    """And moves past the rest."""
    feed = Feed(log, 0, changes_max=100)
    watcher = Watcher(feed, Codec(None), 0, group_kind=GroupKind("", "ConfigMap"), namespace="default")
    feed.offer([row(1, namespace="other"), row(2), row(3, namespace="other")])
    assert "0" == watcher.resource_version
    assert Change("ADDED", {"v": 2}) == await anext(watcher)
    assert "2" == watcher.resource_version
    waiting = asyncio.create_task(anext(watcher))
    await asyncio.sleep(0)
    assert "3" == watcher.resource_version
    waiting.cancel()
    await asyncio.wait([waiting])
    feed.offer([row(4)])
    assert [{"v": 4}] == [(await anext(watcher)).item]


async def test_a_watcher_that_is_far_behind_gives_way(log: Log) -> None:
    """It never waits, but others have their turn."""
    feed = Feed(log, 0, changes_max=1000)
    feed.offer([row(version) for version in range(1, 1001)])
    watcher = Watcher(feed, Codec(None), 0, group_kind=None, namespace=None)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    seen = [(await anext(watcher)).item["v"] for _ in range(1000)]
    counting.cancel()
    assert (list(range(1, 1001)), True) == (seen, turns >= 9)


async def test_a_cancelled_watcher_has_moved_nothing(log: Log) -> None:
    """Wherever it was cut."""
    feed = Feed(log, 0, changes_max=1000)
    feed.offer([row(version) for version in range(1, 301)])
    watcher = Watcher(feed, Codec(None), 0, group_kind=None, namespace=None)
    seen: list[int] = []

    async def read() -> None:
        while True:
            seen.append((await anext(watcher)).item["v"])

    while len(seen) < 300:
        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
    assert list(range(1, 301)) == seen
