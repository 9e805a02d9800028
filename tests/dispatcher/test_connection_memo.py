"""A plain answer is known by heart the second time, and nothing else ever is."""

import asyncio

import pytest

from dispatcher.outcome import Outcome
from tests.dispatcher.peer import OK, PLAIN, a_peer, answer, until

FULL = answer("200 OK\r\nContent-Length: 2", b"hi")


async def test_a_plain_answer_is_known_by_heart() -> None:
    """The second time the very same bytes come they are not parsed: the attempt ends as delivered."""
    async with a_peer((OK,), (OK,), (FULL,), (OK,)) as (wire, peer):
        assert [204, PLAIN, 200, PLAIN] == [await wire.status() for _ in range(4)]
        assert 1 == peer.connections
        assert {OK} == wire.pool.plain_answers


@pytest.mark.parametrize(
    "first",
    [
        FULL,
        answer("404 x\r\nContent-Length: 0"),
        answer("304 x"),
        answer("204 x\r\nConnection: close"),
        answer("200 x\r\nContent-Length: 0\r\nce-specversion: 1.0"),
        answer("200 x\r\nContent-Length: 0\r\nContent-Type: Application/CloudEvents+json"),
        answer("200 x\r\nContent-Length: 0\r\nX: " + "y" * 1024),
        b"HTTP/1.0 204 x\r\n\r\n",
    ],
)
async def test_only_what_means_nothing_but_success_is_known_by_heart(first: bytes) -> None:
    """A body, an event, a failure, the end of the connection: these are looked at each time."""
    async with a_peer((first,), (first,)) as (wire, _):
        statuses = [await wire.status(), await wire.status()]
        assert PLAIN not in statuses
        assert set() == wire.pool.plain_answers


async def test_an_answer_in_pieces_is_not_known_by_heart() -> None:
    """The memo is for whole answers: a piece may be the start of another one."""
    gate = asyncio.Event()
    async with a_peer((OK[:10], gate, OK[10:])) as (wire, _):
        attempt = wire.begin()
        await until(lambda: any(not c._is_untouched for c in wire.pool._connections))
        gate.set()
        end = await wire.wall.end_of(attempt)
        assert isinstance(end, Outcome)
        assert (204, set()) == (end.status, wire.pool.plain_answers)


async def test_what_is_known_by_heart_is_bounded() -> None:
    """A peer whose every answer is another one must not fill the memory."""
    async with a_peer(*((answer(f"204 x\r\nX-Request: {n}"),) for n in range(200))) as (wire, _):
        for _ in range(200):
            assert 204 == await wire.status()
            assert 1 <= len(wire.pool.plain_answers) <= 64
