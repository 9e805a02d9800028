"""The tail of the log: with a database that the test writes by hand."""

import asyncio

import pytest

from eventing.errors import Expired
from eventing.store.feed import KEPT_MAX, KEPT_SIZE_MAX_BYTES, Feed
from tests.eventing.store.log import Log, row


async def versions(feed: Feed, position: int) -> list[int]:
    async with asyncio.timeout(5):
        return [one.version for one in await feed.after(position)]


async def test_what_is_offered_in_order_is_not_fetched(log: Log) -> None:
    """The writers of this process tell what they have committed."""
    feed = Feed(log, 3, changes_max=100)
    feed.offer([row(4), row(5)])
    feed.offer([row(6)])
    feed.offer([])
    assert ([4, 5, 6], [6], 6) == (await versions(feed, 3), await versions(feed, 5), feed.position)
    assert 0 == log.reads


async def test_what_others_wrote_before_is_fetched(log: Log) -> None:
    """Nothing is passed over, and what was offered meanwhile is not repeated."""
    feed = Feed(log, 0, changes_max=100)
    running = asyncio.create_task(feed.run())
    log.rows = [row(1), row(2), row(3)]
    feed.offer([row(3)])
    assert 0 == feed.position
    assert [1, 2, 3] == await versions(feed, 0)
    feed.offer([row(3)])
    feed.offer([row(4)])
    assert [1, 2, 3, 4] == await versions(feed, 0)
    running.cancel()


async def test_a_reader_waits_until_there_is_something(log: Log) -> None:
    """Also one that is ahead of this feed, having listed what the feed has not seen yet."""
    feed = Feed(log, 0, changes_max=100)
    waiting = [asyncio.create_task(versions(feed, position)) for position in (0, 1)]
    await asyncio.sleep(0)
    feed.offer([row(1)])
    assert [1] == await waiting[0]
    assert not waiting[1].done()
    feed.offer([row(2)])
    assert [2] == await waiting[1]


async def test_who_is_behind_the_feed_reads_the_database(log: Log) -> None:
    """And who is behind the database is told that it has expired."""
    feed = Feed(log, 10, changes_max=100)
    feed.offer([row(11)])
    log.rows = [row(version) for version in range(6, 12)]
    assert [6, 7, 8, 9, 10, 11] == await versions(feed, 5)
    assert 1 == log.reads
    with pytest.raises(Expired, match="changes since version 4 are not known; the store is at 11"):
        await feed.after(4)
    log.rows = []
    with pytest.raises(Expired):
        await feed.after(9)


async def test_what_is_kept_in_memory_is_bounded(log: Log) -> None:
    """By count, by size, and by what the database keeps."""
    few = Feed(log, 0, changes_max=3)
    many = Feed(log, 0, changes_max=10_000)
    big = Feed(log, 0, changes_max=10_000)
    log.rows = [row(version) for version in range(1, 2001)]
    few.offer(log.rows)
    many.offer(log.rows)
    big.offer([row(version, size=KEPT_SIZE_MAX_BYTES // 3) for version in range(1, 6)])
    for feed, kept, last in ((few, 3, 2000), (many, KEPT_MAX, 2000), (big, 2, 5)):
        log.reads = 0
        assert last - kept + 1 == (await versions(feed, last - kept))[0]
        assert 0 == log.reads
        await versions(feed, last - kept - 1)
        assert 1 == log.reads


async def test_a_feed_that_fell_behind_the_database_goes_on(log: Log) -> None:
    """Its readers find out that they missed something."""
    feed = Feed(log, 1, changes_max=100)
    running = asyncio.create_task(feed.run())
    log.rows = [row(50), row(51)]
    feed.wake()
    assert [51] == await versions(feed, 50)
    with pytest.raises(Expired):
        await feed.after(1)
    running.cancel()


@pytest.mark.looptime
async def test_a_database_that_is_away_is_asked_again(log: Log) -> None:
    """Once a second, until it has answered."""
    feed = Feed(log, 0, changes_max=100)
    running = asyncio.create_task(feed.run())
    log.is_away = True
    feed.wake()
    await asyncio.sleep(10.5)
    assert 11 == log.reads
    log.is_away, log.rows = False, [row(1)]
    assert [1] == await versions(feed, 0)
    running.cancel()
