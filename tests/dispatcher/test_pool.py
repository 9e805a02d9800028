"""The pool over real sockets: its limit and its queue, connecting and failing to, age, TLS, and its end."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import trustme

from dispatcher.attempt import Attempt
from dispatcher.outcome import Outcome
from dispatcher.pool import LastHead, Origin, Pool
from dispatcher.retry import Policy
from tests.dispatcher.peer import LIMITS, OK, PLAIN, Act, Peer, Wall, Wire, a_peer, a_wire, settle, until

LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def error_of(end: str | Outcome) -> str | None:
    assert isinstance(end, Outcome)
    assert end.status is None
    return end.error


async def test_the_limit_holds_and_the_rest_waits_its_turn() -> None:
    """Six attempts on two connections: all are answered, the oldest first."""
    gates = [asyncio.Event() for _ in range(6)]
    limits = replace(LIMITS, connections_max=2)
    async with a_peer(*((gate, LARGE) for gate in gates), limits=limits) as (wire, peer):
        attempts = [wire.begin() for _ in gates]
        await until(lambda: len(peer.requests) == 2)
        for number, gate in enumerate(gates):
            gate.set()
            await until(lambda least=number: len(wire.wall.ends) > least)  # type: ignore[misc]
        assert attempts == list(wire.wall.ends)
        assert 2 == peer.connections


async def test_attempts_at_once_have_connections_of_their_own() -> None:
    """One request at a time on each: a slow answer delays nobody else's."""
    slow = asyncio.Event()
    async with a_peer((slow, LARGE), (LARGE,)) as (wire, peer):
        first = wire.begin()
        await until(lambda: len(peer.requests) == 1)
        assert 200 == await wire.status()
        slow.set()
        await wire.wall.end_of(first)
        assert 2 == peer.connections


async def test_a_refused_connection_is_an_end_without_an_answer() -> None:
    """With words for people."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with a_wire(f"http://127.0.0.1:{unused.getsockname()[1]}/") as wire:
            assert "Connect" in await wire.fail()


class EagerWall(Wall):
    """Sends ten more attempts, each when one has failed, as a lane does that has events waiting."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self.wire: Wire | None = None
        self._more = 10

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        super().finish(attempt, outcome)
        if self._more and self.wire is not None:
            self._more -= 1
            self.wire.begin()


@pytest.mark.parametrize("connections_max", [1, 2, 8])
async def test_each_attempt_that_waits_for_a_refused_connection_ends(connections_max: int) -> None:
    """Also those that are sent while another one is told of its failure."""
    wall = EagerWall(Policy())
    limits = replace(LIMITS, connections_max=connections_max)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with a_wire(f"http://127.0.0.1:{unused.getsockname()[1]}/", limits=limits, wall=wall) as wire:
            wall.wire = wire
            for _ in range(5):
                wire.begin()
            await until(lambda: len(wall.ends) == 15)
            wall.wire = None


async def test_a_name_that_does_not_resolve_is_an_end_without_an_answer() -> None:
    """RFC 6761 keeps `.invalid` for this."""
    async with a_wire("http://nobody.invalid:80/") as wire:
        assert "gaierror" in await wire.fail()


async def test_a_name_that_can_be_none_is_an_end_without_an_answer() -> None:
    """Sinks refuse it; were one to come here, its attempt must end all the same."""
    pool = Pool(Origin("http", "a..b", 80), LIMITS, LastHead())
    assert "UnicodeError" in await Wire(pool, "http://a/", Wall()).fail()


@contextlib.asynccontextmanager
async def nobody_accepts() -> AsyncIterator[str]:
    """The URL of a listener whose backlog is full, so that connecting to it takes for ever."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


async def test_connecting_has_a_time() -> None:
    """Where nobody accepts, the attempt ends when it is over."""
    async with nobody_accepts() as uri, a_wire(uri, limits=replace(LIMITS, connect_timeout_s=0.05)) as wire:
        assert "no connection within 0.05 s" == await wire.fail()


async def test_waiting_for_a_connection_is_part_of_an_attempts_time() -> None:
    """The timeout of the policy holds from the sending on, connecting included."""
    async with nobody_accepts() as uri, a_wire(uri, policy=Policy(timeout_s=30.0)) as wire:
        early, late = wire.begin(), wire.begin()
        late.started_s += 10.0
        wire.pool.sweep(early.started_s + 29.9)
        assert {} == wire.wall.ends
        wire.pool.sweep(early.started_s + 30.1)
        assert "no connection was free within 30 s" == error_of(wire.wall.ends[early])
        assert late not in wire.wall.ends


async def test_an_answer_that_trickles_is_over_time() -> None:
    """Each byte is progress and none is an end: the attempt's time counts, and not the time since the last byte."""
    never = asyncio.Event()
    async with a_peer((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntrick", never)) as (wire, peer):
        attempt = wire.begin()
        await until(lambda: any(not c._is_untouched for c in wire.pool._connections))
        wire.pool.sweep(attempt.started_s + 29.9)
        assert {} == wire.wall.ends
        wire.pool.sweep(attempt.started_s + 30.1)
        assert "no answer within 30 s" == error_of(wire.wall.ends[attempt])
        assert 204 == await wire.status()
        assert 2 == peer.connections


async def test_a_connection_of_age_is_replaced() -> None:
    """So that a changed address is followed: an idle one at once, a busy one after its answer."""
    gate = asyncio.Event()
    async with a_peer((LARGE,), (gate, LARGE), (LARGE,)) as (wire, peer):
        assert 200 == await wire.status()
        (connection,) = wire.pool._connections
        wire.pool.sweep(connection.opened_s + 59.9)
        assert not connection.is_retired
        wire.pool.sweep(connection.opened_s + 60.1)
        assert set() == wire.pool._connections
        attempt = wire.begin()
        await until(lambda: len(peer.requests) == 2)
        (connection,) = wire.pool._connections
        attempt.started_s += 60.0
        wire.pool.sweep(connection.opened_s + 60.1)
        assert {connection} == wire.pool._connections
        gate.set()
        await wire.wall.end_of(attempt)
        assert set() == wire.pool._connections
        assert 200 == await wire.status()
        assert 3 == peer.connections


async def test_a_plain_answer_on_a_connection_of_age_is_its_last() -> None:
    """Also where the answer is known by heart."""
    gate = asyncio.Event()
    async with a_peer((OK,), (gate, OK)) as (wire, peer):
        assert 204 == await wire.status()
        attempt = wire.begin()
        await until(lambda: len(peer.requests) == 2)
        (connection,) = wire.pool._connections
        connection.is_retired = True
        gate.set()
        assert PLAIN == await wire.wall.end_of(attempt)
        assert set() == wire.pool._connections


async def test_closing_ends_every_attempt_once() -> None:
    """Those in flight, those that wait, those still connecting; and those that are sent afterwards."""
    gate = asyncio.Event()
    async with a_peer((OK,), (gate, OK), (gate, OK), limits=replace(LIMITS, connections_max=2)) as (wire, peer):
        assert 204 == await wire.status()
        attempts = [wire.begin() for _ in range(5)]
        await until(lambda: len(peer.requests) == 3)
        wire.pool.close()
        attempts.append(wire.begin())
        await settle()
        assert ["the server stops"] * 6 == [error_of(wire.wall.ends[attempt]) for attempt in attempts]


async def test_closing_while_connecting_ends_the_attempt() -> None:
    """The connection on its way is not waited for."""
    async with nobody_accepts() as uri, a_wire(uri) as wire:
        attempt = wire.begin()
        await settle()
        wire.pool.close()
        assert "the server stops" == error_of(wire.wall.ends[attempt])


async def test_a_peer_that_closes_its_idle_connections_is_noticed() -> None:
    """They leave the pool, and the next attempt has a connection of its own."""
    async with a_peer((OK,), (OK,)) as (wire, peer):
        assert 204 == await wire.status()
        peer.close_connections()
        await until(lambda: not wire.pool._connections)
        assert [] == wire.pool._idle
        assert PLAIN == await wire.send()


def a_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@contextlib.asynccontextmanager
async def a_tls_wire(*, name: str, trusted: trustme.CA | None, signer: trustme.CA) -> AsyncIterator[Wire]:
    """A wire to a peer with a certificate for that name."""
    ca_certs = trusted.cert_pem.bytes().decode() if trusted is not None else ""
    async with Peer([(LARGE,), (OK,)], tls=a_context(signer, name)) as peer:
        asyncio.get_running_loop().set_exception_handler(None)
        async with a_wire(f"https://localhost:{peer.port}/", ca_certs=ca_certs) as wire:
            yield wire


async def test_a_certificate_of_a_trusted_authority_is_accepted() -> None:
    """The CACerts of a destination are trusted for it, and answers are read as without TLS."""
    authority = trustme.CA()
    async with a_tls_wire(name="localhost", trusted=authority, signer=authority) as wire:
        assert [200, 204, PLAIN] == [await wire.status() for _ in range(3)]


async def test_a_certificate_for_another_name_is_refused() -> None:
    """However trusted its authority is."""
    authority = trustme.CA()
    async with a_tls_wire(name="other.example", trusted=authority, signer=authority) as wire:
        assert "CERTIFICATE_VERIFY_FAILED" in await wire.fail()


@pytest.mark.parametrize("trusted", [None, trustme.CA()])
async def test_a_certificate_of_an_unknown_authority_is_refused(trusted: trustme.CA | None) -> None:
    """Nothing is sent to whoever cannot prove its name."""
    async with a_tls_wire(name="localhost", trusted=trusted, signer=trustme.CA()) as wire:
        assert "CERTIFICATE_VERIFY_FAILED" in await wire.fail()


async def test_a_peer_that_speaks_no_tls_is_refused() -> None:
    """An outcome, and no exception."""
    greeting = (b"HTTP/1.1 400 Bad Request\r\n\r\n", Act.CLOSE)
    async with Peer([], greeting=greeting) as peer, a_wire(f"https://localhost:{peer.port}/") as wire:
        assert await wire.fail()


async def test_ca_certificates_must_be_some() -> None:
    """Found when the pool is made, and not at the first event."""
    for text in ("no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(ValueError, match="CA certificates"):
            Pool(Origin("https", "localhost", 443, text), LIMITS, LastHead())
