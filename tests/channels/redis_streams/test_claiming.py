"""A redrive of dead letters on a real Redis server begins whole, or not at all."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import Any

import pytest

from channels.dead_letter import EVERYTHING
from channels.dead_letter_witness import BILL, deliveries_of, kept, letters_of, redrive_of
from channels.errors import ChannelUnavailable
from channels.redis_streams import RedisServer
from channels.redis_streams.link import Link
from channels.redis_streams.script import Script
from tests.rig.redis import Redis

LETTERS = 1203
"""A claim takes them in three parts."""
STEPS = 5
"""Scripts that it runs for that: the first gives it a number, the last begins it."""
_numbers = count()
Make = Callable[[], AbstractAsyncContextManager[RedisServer]]


class Watched(Link):
    """`before` is awaited before each script that is run, with how many were run."""

    def __init__(self, link: Link, before: Callable[[int], Awaitable[None]]) -> None:
        super().__init__(link._open, link._introduce)
        self._before = before
        self._run = 0

    async def run(self, script: Script, keys: tuple[str, str], *words: Any) -> Any:
        await self._before(self._run)
        self._run += 1
        return await super().run(script, keys, *words)


@pytest.fixture
def make(redis_rig: Redis) -> Make:
    prefix = f"claiming{next(_numbers)}"

    @asynccontextmanager
    async def make() -> AsyncIterator[RedisServer]:
        async with RedisServer(redis_rig.url, prefix=prefix) as server:
            await server.ready()
            yield server

    return make


async def claim(server: RedisServer, before: Callable[[int], Awaitable[None]]) -> int:
    """Of all there is; how many it got. Raises ChannelUnavailable."""
    link, server.link = server.link, Watched(server.link, before)
    try:
        return (await server.dead_letters.claim(EVERYTHING, rate=None)).total
    finally:
        server.link.close()
        server.link = link


@pytest.mark.parametrize("steps", range(STEPS))
async def test_a_claim_that_is_cut_off_has_claimed_nothing(steps: int, make: Make) -> None:
    """Whenever the server is lost: there is no redrive that nobody ends, and each letter is free for the next one."""
    async with make() as server, make() as other:

        async def cut_off(step: int) -> None:
            if step == steps:
                raise ChannelUnavailable("gone")

        server.dead_letters.extend(BILL, "backlogfull", deliveries_of(1, LETTERS))
        letters = await kept(server.dead_letters, LETTERS)
        with pytest.raises(ChannelUnavailable):
            await claim(server, cut_off)
        for store in (server.dead_letters, other.dead_letters):
            await store.refresh()
            assert [] == list(store.redrives)
            assert letters == await letters_of(store)
        assert LETTERS == (await other.dead_letters.claim(EVERYTHING, rate=None)).total


async def test_a_redrive_is_driven_once_all_is_claimed(make: Make) -> None:
    """Not page by page: else it would seem at its end with the first of them."""
    async with make() as server, make() as driver:
        store = driver.dead_letters

        async def drive(_: int) -> None:
            await store.refresh()
            for redrive in store.redrives:
                for letter in await store.claimed(redrive.id, LETTERS):
                    store.redriven(letter)
            await driver.committer.flush()

        server.dead_letters.extend(BILL, "backlogfull", deliveries_of(1, LETTERS))
        await kept(server.dead_letters, LETTERS)
        assert LETTERS == await claim(server, drive)
        await drive(STEPS)
        [redrive] = store.redrives
        assert (LETTERS, True) == (redrive.delivered, redrive.ended_s is not None)
        assert [] == await letters_of(store)


async def test_of_two_that_claim_at_once_each_letter_goes_to_one(make: Make) -> None:
    """Whoever begins later has what the first one did not begin with; what was begun loses nothing."""
    async with make() as server, make() as other:
        totals: list[int] = []

        async def overtake(step: int) -> None:
            if step == 2:
                totals.append((await other.dead_letters.claim(EVERYTHING, rate=None, limit=600)).total)

        server.dead_letters.extend(BILL, "backlogfull", deliveries_of(1, LETTERS))
        await kept(server.dead_letters, LETTERS)
        totals.append(await claim(server, overtake))
        assert [600, LETTERS - 600] == totals
        await server.dead_letters.refresh()
        claims = [await server.dead_letters.claimed(one.id, LETTERS) for one in server.dead_letters.redrives]
        assert LETTERS == len({letter.id for letters in claims for letter in letters})
        assert sorted(totals) == sorted(map(len, claims))


async def test_a_claim_tells_of_itself_while_something_is_owed(make: Make) -> None:
    """What is told in the midst of it is nothing that it has to wait for."""
    async with make() as server:
        store = server.dead_letters
        store.extend(BILL, "backlogfull", deliveries_of(1, 3))
        await kept(store, 3)
        first = await store.claim(EVERYTHING, rate=None, limit=2)
        letters = await store.claimed(first.id, 2)

        async def tell(step: int) -> None:
            if letters and step:
                store.redriven(letters.pop())

        assert 1 == await claim(server, tell)
        await server.committer.flush()
        await store.refresh()
        assert (2, True) == (redrive_of(store, first.id).delivered, redrive_of(store, first.id).ended_s is not None)
