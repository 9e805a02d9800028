"""One connection over a real socket: whatever a peer answers is one end of the attempt, and memory stays bounded."""

import asyncio
from dataclasses import replace

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.outcome import Outcome
from dispatcher.retry import Policy
from tests.dispatcher.peer import EVENT, LIMITS, OK, PLAIN, Act, Step, a_peer, answer, run, until

FULL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: 1\r\nx-one: 2\r\n\r\nhi"
BROKEN_OFF = "the sink closed the connection before its answer was complete"


async def test_an_answer_is_an_outcome() -> None:
    """Status, headers by lower-case name (the first value counts), body, and how long it took."""
    async with a_peer((FULL,)) as (wire, peer):
        end = await wire.send()
        assert isinstance(end, Outcome)
        assert (200, {b"content-length": b"2", b"x-one": b"1"}, b"hi", None) == (
            end.status,
            end.headers,
            end.body,
            end.error,
        )
        assert 0.0 <= end.latency_s < 20.0
        assert not end.is_truncated
        assert b"data" == peer.requests[0][1]


async def test_a_connection_is_used_again() -> None:
    """One connection for requests one after the other, each with its own answer."""
    async with a_peer((FULL,), (answer("404 No\r\nContent-Length: 0"),), (FULL,)) as (wire, peer):
        assert [200, 404, 200] == [await wire.status() for _ in range(3)]
        assert 1 == peer.connections


@pytest.mark.parametrize(
    "head", ["204 No Content", "304 Not Modified", "204 No Content\r\nX: 1", "304 x\r\nContent-Length: 9"]
)
async def test_some_answers_have_no_body(head: str) -> None:
    """204 and 304 end with their head, whatever length they name (RFC 9112, 6.3)."""
    async with a_peer((answer(head),)) as (wire, peer):
        assert int(head[:3]) == await wire.status()
        assert await wire.status() in (204, PLAIN)
        assert 1 == peer.connections


async def test_chunks_make_one_body_and_trailers_are_not_headers() -> None:
    """Also where they come one byte at a time; a trailer must not turn an answer into an event."""
    chunked = answer(
        "200 OK\r\nTransfer-Encoding: chunked", b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nce-specversion: 1.0\r\n\r\n"
    )
    async with a_peer((chunked,), tuple(bytes([byte]) for byte in chunked)) as (wire, peer):
        for _ in range(2):
            end = await wire.send()
            assert isinstance(end, Outcome)
            assert (200, {b"transfer-encoding": b"chunked"}, b"hello") == (end.status, end.headers, end.body)
        assert 1 == peer.connections


@pytest.mark.parametrize(
    ("steps", "status", "body"),
    [
        ((b"HTTP/1.0 200 OK\r\n\r\nhi", Act.CLOSE), 200, b"hi"),
        ((answer("200 OK", b"hi"), Act.CLOSE), 200, b"hi"),
        ((answer("503 x\r\nConnection: close\r\nContent-Length: 2", b"hi"),), 503, b"hi"),
        ((answer("204 x\r\nConnection: close"),), 204, b""),
        ((b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",), 200, b"hi"),
    ],
)
async def test_an_answer_that_ends_its_connection_is_whole(steps: tuple[Step, ...], status: int, body: bytes) -> None:
    """By close, or by saying so: the next attempt has another connection."""
    async with a_peer(steps) as (wire, peer):
        end = await wire.send()
        assert isinstance(end, Outcome)
        assert (status, body, None) == (end.status, end.body, end.error)
        assert 204 == await wire.status()
        assert 2 == peer.connections


@pytest.mark.parametrize(
    "before",
    [
        answer("100 Continue"),
        answer("103 Early Hints\r\nLink: </x>\r\nce-specversion: 1.0"),
        answer("100 Continue") * 50,
        answer("102 Processing") + answer("199 What"),
    ],
)
async def test_what_comes_before_the_answer_is_not_it(before: bytes) -> None:
    """Any number of 1xx, in one piece with the answer or not; their headers are not its headers."""
    async with a_peer((before + FULL,), (before, FULL)) as (wire, peer):
        for _ in range(2):
            end = await wire.send()
            assert isinstance(end, Outcome)
            assert (200, b"hi", b"2") == (end.status, end.body, end.headers[b"content-length"])
            assert b"link" not in end.headers
            assert b"ce-specversion" not in end.headers
        assert 1 == peer.connections


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((answer("101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade"),), "the sink switched protocols"),
        ((answer("101 Switching Protocols"), Act.STOP_READING), "the sink switched protocols"),
        ((b"SSH-2.0-OpenSSH_9.2\r\n", Act.STOP_READING), "malformed HTTP answer"),
        ((b"\x15\x03\x01\x00\x02\x02\x16", Act.STOP_READING), "malformed HTTP answer"),
        ((answer("1000 x"), Act.STOP_READING), "malformed HTTP answer"),
        ((answer("200 x\r\nContent-Length: x"), Act.STOP_READING), "malformed HTTP answer"),
        ((answer("200 x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked"), Act.STOP_READING), "malformed"),
        ((answer("200 x\r\nTransfer-Encoding: chunked", b"zz\r\n"), Act.STOP_READING), "malformed HTTP answer"),
        ((answer("200 x\r\nContent-Length: 9", b"short"), Act.CLOSE), BROKEN_OFF),
        ((answer("200 x\r\nTransfer-Encoding: chunked", b"9\r\nshort"), Act.CLOSE), BROKEN_OFF),
        ((answer("404 x\r\nContent-Length: 9", b"short"), Act.CLOSE), BROKEN_OFF),
        ((b"HTTP/1.1 200 OK\r\nContent-Le", Act.CLOSE), BROKEN_OFF),
        ((answer("099 x"), Act.CLOSE), BROKEN_OFF),
        ((answer("100 Continue"), Act.CLOSE), BROKEN_OFF),
        ((Act.CLOSE,), BROKEN_OFF),
        ((Act.RESET,), BROKEN_OFF),
        ((answer("200 x\r\nContent-Length: 9", b"short"), Act.RESET), BROKEN_OFF),
    ],
)
async def test_an_answer_that_is_none_is_a_failure_without_a_status(steps: tuple[Step, ...], words: str) -> None:
    """It is not taken for what its first line said; the next attempt is served on another connection."""
    async with a_peer(steps) as (wire, peer):
        assert words in await wire.fail()
        assert 204 == await wire.status()
        assert 2 == peer.connections


async def test_an_answer_without_a_length_that_is_reset_is_none() -> None:
    """Only a close is its end: nobody knows what a reset has cut off."""
    came = asyncio.Event()
    async with a_peer((answer("200 OK", b"hi"), came, Act.RESET)) as (wire, _):
        attempt = wire.begin()
        await until(lambda: any(not c._is_untouched for c in wire.pool._connections))
        came.set()
        end = await wire.wall.end_of(attempt)
        assert isinstance(end, Outcome)
        assert end.status is None
        assert BROKEN_OFF in (end.error or "")


@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 30_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"y" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"y" * 200_000,
    ],
    ids=["headers", "header", "1xx", "trailers", "trailer", "chunk extension"],
)
async def test_a_head_that_does_not_end_is_given_up(endless: bytes) -> None:
    """After 64 KB, and so is everything else that is neither head nor body."""
    async with a_peer((endless, Act.STOP_READING)) as (wire, peer):
        assert "the head of the answer is too large" == await wire.fail()
        assert 204 == await wire.status()
        assert 2 == peer.connections


async def test_a_body_of_tiny_chunks_is_read() -> None:
    """Framing that outweighs the body is no endless head."""
    chunked = answer("200 OK\r\nTransfer-Encoding: chunked", b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n")
    gate = asyncio.Event()
    limits = replace(LIMITS, reply_size_max_bytes=20_000)
    async with a_peer((chunked[:110_000], gate, chunked[110_000:]), limits=limits) as (wire, _):
        attempt = wire.begin()
        await until(lambda: any(c._reader._received >= 110_000 for c in wire.pool._connections))
        gate.set()
        end = await wire.wall.end_of(attempt)
        assert isinstance(end, Outcome)
        assert (200, b"x" * 20_000, False) == (end.status, end.body, end.is_truncated)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("sent", [(*[bytes(65536)] * 1600,), (bytes(65536), Act.STOP_READING)])
async def test_a_body_over_the_bound_is_cut_and_the_connection_closed(status: int, sent: tuple[Step, ...]) -> None:
    """100 MB are announced: what is kept is the bound, and nobody waits for the rest, whether or not it comes."""
    head = answer(f"{status} x\r\nContent-Length: 100000000")
    async with a_peer((head, *sent)) as (wire, peer):
        end = await wire.send()
        assert isinstance(end, Outcome)
        assert (status, LIMITS.reply_size_max_bytes, True) == (end.status, len(end.body), end.is_truncated)
        assert 204 == await wire.status()
        assert 2 == peer.connections


async def test_a_body_at_the_bound_is_whole() -> None:
    """The bound itself is allowed."""
    size = LIMITS.reply_size_max_bytes
    exact = answer(f"200 x\r\nContent-Length: {size}", bytes(size))
    over = answer(f"200 x\r\nContent-Length: {size + 1}", bytes(size + 1))
    async with a_peer((exact,), (over,)) as (wire, _):
        ends = [await wire.send(), await wire.send()]
        assert [(size, False), (size, True)] == [(len(e.body), e.is_truncated) for e in ends if isinstance(e, Outcome)]


@pytest.mark.parametrize(
    "more",
    [
        FULL,
        b"HTTP/1.1 2",
        b"garbage",
        answer("101 x\r\nUpgrade: x\r\nConnection: upgrade"),
        answer("200 x\r\nce-specversion: 1.0"),
    ],
)
async def test_bytes_after_an_answer_cost_the_connection_and_not_the_answer(more: bytes) -> None:
    """A second answer, or a part of one, must not become the next request's, nor change the first."""
    first = answer("200 OK\r\nContent-Length: 0")
    async with a_peer((first + more,)) as (wire, peer):
        end = await wire.send()
        assert isinstance(end, Outcome)
        assert (200, {b"content-length": b"0"}, b"", None) == (end.status, end.headers, end.body, end.error)
        assert 204 == await wire.status()
        assert 2 == peer.connections
        assert {OK} == wire.pool.plain_answers


async def test_bytes_on_an_idle_connection_close_it() -> None:
    """Nobody asked for them."""
    later = asyncio.Event()
    async with a_peer((OK, later, FULL)) as (wire, peer):
        assert 204 == await wire.status()
        later.set()
        await until(lambda: not wire.pool._connections)
        assert PLAIN == await wire.send()
        assert 2 == peer.connections


async def test_bytes_before_any_request_close_a_connection() -> None:
    """A peer that greets speaks another protocol; the attempt fails, and none hangs."""
    async with a_peer(greeting=(b"220 ready\r\n",)) as (wire, _):
        assert await wire.fail()


@pytest.mark.parametrize("known", [False, True])
async def test_an_answer_before_the_whole_request_ends_the_connection(known: bool) -> None:
    """It counts; but on a connection that still holds the rest of the request, requests would pile up."""
    large = EVENT.with_attributes({})
    large.data = bytes(30_000_000)
    script: list[tuple[Step, ...]] = [(OK,)] if known else []
    async with a_peer(*script, (Act.EARLY, OK, Act.STOP_READING)) as (wire, peer):
        if known:
            assert 204 == await wire.status()
        assert 204 == await wire.status(large)
        await until(lambda: not wire.pool._connections)
        assert await wire.status() in (204, PLAIN)
        assert 2 == peer.connections


async def test_a_request_lost_with_an_idle_connection_goes_out_again() -> None:
    """The peer closes just as the request is sent: nothing of it was seen, so this is no attempt that failed."""
    async with a_peer((OK,), (Act.CLOSE,), (FULL,)) as (wire, peer):
        assert 204 == await wire.status()
        attempt = wire.begin()
        end = await wire.wall.end_of(attempt)
        assert isinstance(end, Outcome)
        assert (200, 1, True) == (end.status, attempt.number, attempt.is_resent)
        assert 2 == peer.connections


async def test_a_request_goes_out_again_once() -> None:
    """A fresh connection that closes without a word has failed, and so has the second one that was reused."""
    async with a_peer((OK,), (Act.CLOSE,), (Act.CLOSE,)) as (wire, peer):
        assert 204 == await wire.status()
        assert BROKEN_OFF in await wire.fail()
        assert 2 == peer.connections


async def test_what_went_out_again_does_not_do_so_a_third_time() -> None:
    """Not even where the second way was a connection that had served before."""
    async with a_peer((OK,), (Act.CLOSE,)) as (wire, _):
        assert 204 == await wire.status()
        attempt = wire.begin()
        attempt.is_resent = True
        end = await wire.wall.end_of(attempt)
        assert isinstance(end, Outcome)
        assert BROKEN_OFF in (end.error or "")


async def test_a_request_goes_out_again_on_no_idle_connection() -> None:
    """A peer that restarts closes them all: the way out is a connection that is known to live."""
    gates = [asyncio.Event() for _ in range(3)]
    async with a_peer(*((gate, OK) for gate in gates), (Act.RESET,), (OK,)) as (wire, peer):
        attempts = [wire.begin() for _ in gates]
        for gate in gates:
            gate.set()
        for attempt in attempts:
            await wire.wall.end_of(attempt)
        assert 3 == len(wire.pool._idle)
        assert PLAIN == await wire.send()
        assert 4 == peer.connections


async def test_a_request_that_was_answered_in_part_does_not_go_out_again() -> None:
    """Something of it was seen: whether to send it again is for the policy, which counts."""
    async with a_peer((OK,), (b"HTTP/1.1 2", Act.CLOSE)) as (wire, peer):
        assert 204 == await wire.status()
        assert BROKEN_OFF in await wire.fail()
        assert 2 == len(peer.requests)


STEPS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                OK,
                FULL,
                OK + OK,
                answer("100 Continue"),
                answer("101 x"),
                answer("200 x\r\nContent-Length: 5", b"hel"),
                answer("200 x\r\nContent-Length: 0\r\nConnection: close"),
                answer("200 x\r\nTransfer-Encoding: chunked", b"3\r\nabc\r\n"),
                b"0\r\n\r\n",
                answer("503 x\r\nRetry-After: 1\r\nContent-Length: 1", b"x"),
                answer("200 no length"),
                answer("200 x\r\nContent-Length: 100000", bytes(20_000)),
                Act.CLOSE,
                Act.RESET,
            ]
        ),
        st.binary(max_size=40),
        st.builds(lambda at: FULL[:at], st.integers(0, len(FULL))),
    ),
    max_size=4,
).map(tuple)


@settings(max_examples=120, deadline=None)
@given(
    script=st.lists(STEPS, max_size=6),
    at_once=st.integers(1, 3),
    is_early=st.booleans(),
    factory=st.sampled_from([asyncio.new_event_loop, uvloop.new_event_loop]),
)
def test_every_attempt_ends_once_whatever_the_peer_does(
    script: list[tuple[Step, ...]], at_once: int, is_early: bool, factory: object
) -> None:
    """And nothing is raised into the event loop, and the pool serves the next attempt."""
    steps = [(Act.EARLY, *line) if is_early else line for line in script]

    async def scenario() -> None:
        async with a_peer(*steps, policy=Policy(timeout_s=0.05)) as (wire, _):
            attempts = []
            for _ in range(len(steps) + 1):
                attempts += [wire.begin() for _ in range(at_once)]
                while any(attempt not in wire.wall.ends for attempt in attempts):
                    wire.pool.sweep(wire.pool.now_s())
                    await asyncio.sleep(0.001)
            wire.wall.policy = Policy(timeout_s=20.0)
            while await wire.status() not in (PLAIN, 204):
                pass  # lines of the script that were not asked for yet
            assert set(attempts) <= wire.wall.ends.keys()

    run(scenario, factory)  # type: ignore[arg-type]
