"""Turns, time and the end of a connection: over real sockets and, where every packet matters, over a wire in memory."""

import asyncio

import pytest

from channels.errors import ChannelFull
from tests.eventing.ingress.door import CHUNKED, KeepingChannel, SlowChannel, opened, request
from tests.eventing.ingress.wire import connected


def told(channel: SlowChannel, start: int = 0) -> int:
    """Tell all receipts that are waiting, and those that come of it, one after another; their number."""
    while start < len(channel.receipts):
        channel.receipts[start].stored()
        start += 1
    return start


# Pipelines.


@pytest.mark.parametrize("is_slow", [False, True], ids=["at once", "slow"])
async def test_five_thousand_requests_in_one_write_are_answered(is_slow: bool) -> None:
    """In order, without a stack that grows with them."""
    channel = SlowChannel() if is_slow else KeepingChannel()
    async with opened("protocol", channel) as door, door.producer() as producer:
        producer.writer.write(b"".join(request(ce_id=str(number)) for number in range(5000)))
        start = 0
        for answered in range(5000):
            while is_slow and start <= answered:
                await channel.wait_submitted(start + 1)
                start = told(channel, start)
            assert 202 == (await producer.answer()).status
        assert [str(number) for number in range(5000)] == [events[0].id for events in channel.submitted]


async def test_a_channel_that_becomes_fast_does_not_deepen_the_stack() -> None:
    """The first receipt is told late, all others from within submit."""
    channel = SlowChannel()
    connection, wire, place = connected(channel)
    connection.data_received(request() * 5000)
    place.channel = KeepingChannel()
    channel.receipts[0].stored()
    assert ([202] * 5000, 4999) == (wire.statuses, len(place.channel.submitted))
    assert wire.is_reading


async def test_answers_come_in_the_order_of_requests() -> None:
    """Also those that need no channel."""
    channel = SlowChannel()
    async with opened("protocol", channel) as door, door.producer() as producer:
        others = [b"GET /healthz HTTP/1.1\r\n\r\n", request(ce_id=""), request(path="/un/known")]
        await producer.send(b"".join([request(), *others, request(), *others]))
        await channel.wait_submitted(1)
        channel.receipts[0].stored()
        await channel.wait_submitted(2)
        channel.receipts[1].refused(ChannelFull("full"))
        said = [(await producer.answer()).status for _ in range(8)]
        assert [202, 200, 400, 404, 503, 200, 400, 404] == said


async def test_connections_do_not_wait_for_each_other() -> None:
    """Receipts told in the reverse order of the requests reach those who wait for them."""
    channel = SlowChannel()
    async with opened("protocol", channel) as door, door.producer() as first, door.producer() as second:
        await first.send(request())
        await channel.wait_submitted(1)
        await second.send(request())
        await channel.wait_submitted(2)
        channel.receipts[1].refused(ChannelFull("full"))
        assert 503 == (await second.answer()).status
        channel.receipts[0].stored()
        assert 202 == (await first.answer()).status


async def test_while_requests_wait_no_more_are_read() -> None:
    """What a connection can make the server hold is one read's worth."""
    channel = SlowChannel()
    connection, wire, _ = connected(channel)
    connection.data_received(request())
    assert wire.is_reading
    connection.data_received(request() * 2)
    assert not wire.is_reading
    told(channel)
    assert ([202] * 3, True) == (wire.statuses, wire.is_reading)


async def test_what_comes_behind_a_413_is_not_answered_but_what_came_before_is() -> None:
    """The fault waits for its turn."""
    channel = SlowChannel()
    connection, wire, _ = connected(channel)
    connection.data_received(request() * 2 + request(b"x" * 1001) + request())
    told(channel)
    assert ([202, 202, 413], True, 2) == (wire.statuses, wire.is_ended, len(channel.submitted))
    assert wire.is_reading, "what still comes must be thrown away"


async def test_requests_that_wait_when_draining_begins_are_refused() -> None:
    """Also if a fault waits behind them."""
    channel = SlowChannel()
    connection, wire, _ = connected(channel)
    connection.data_received(request() * 2 + b"\x00")
    connection.intake.is_draining = True
    told(channel)
    assert ([202, 503], True, 1) == (wire.statuses, wire.is_ended, len(channel.submitted))


async def test_100_continue_waits_for_its_turn() -> None:
    """It must not be taken for the answer to the request before."""
    channel = SlowChannel()
    connection, wire, _ = connected(channel)
    connection.data_received(request() + request(b"", Content_Length="5", Expect="100-continue"))
    assert [] == wire.statuses
    channel.receipts[0].stored()
    assert [202, 100] == wire.statuses
    connection.data_received(b"hello")
    channel.receipts[1].stored()
    assert [202, 100, 202] == wire.statuses


async def test_a_draining_server_asks_for_no_body() -> None:
    """It would be refused anyway."""
    connection, wire, _ = connected()
    connection.intake.is_draining = True
    connection.data_received(request(b"", Content_Length="5", Expect="100-continue"))
    assert ([503], True) == (wire.statuses, wire.is_ended)


# Time, told by hand.


@pytest.mark.parametrize("data", [request(b"")[:60], request(b"", Content_Length="9"), CHUNKED + b"5\r\nhe"])
async def test_a_request_that_takes_too_long_is_408(data: bytes) -> None:
    """Slow in its head, its body or its chunks; and not before its time."""
    connection, wire, _ = connected()
    start = asyncio.get_running_loop().time()
    connection.data_received(data)
    connection.sweep(start + 9.9)
    assert [] == wire.statuses
    connection.sweep(start + 10.1)
    assert ([408], True) == (wire.statuses, wire.is_ended)


async def test_a_slow_request_is_told_over_a_socket() -> None:
    """408 and the end."""
    async with opened("protocol") as door, door.producer() as producer:
        await producer.send(request(b"", Content_Length="9"))
        await door.wait_connections(1)
        [connection] = door.connections
        while not connection._target:
            await asyncio.sleep(0)
        connection.sweep(asyncio.get_running_loop().time() + 11)
        assert 408 == (await producer.answer()).status
        assert b"" == await producer.rest()


@pytest.mark.parametrize("data", [b"", b"PO", b"\r\n\r\n", request()])
async def test_an_idle_connection_closes(data: bytes) -> None:
    """Idle is one without a request, whatever else it sends."""
    connection, wire, _ = connected()
    start = asyncio.get_running_loop().time()
    connection.data_received(data)
    for now in (1, 60, 61.1):
        assert not wire.is_closed
        connection.sweep(start + now)
    assert (True, False) == (wire.is_closed, wire.is_aborted)


async def test_a_connection_in_use_stays_open() -> None:
    """Each request begins its idle time again; a store under way is no idleness."""
    channel = SlowChannel()
    connection, wire, _ = connected(channel)
    start = asyncio.get_running_loop().time()
    for now in range(0, 500, 50):
        connection.data_received(request())
        connection.sweep(start + now)
        channel.receipts[-1].stored()
        connection.sweep(start + now)
    connection.data_received(request())
    connection.sweep(start + 10_000)
    assert (False, [202] * 10) == (wire.is_closed, wire.statuses)


async def test_a_request_is_not_charged_for_the_time_in_which_it_was_not_read() -> None:
    """Behind a slow store its time begins again when reading does."""
    channel = SlowChannel()
    connection, wire, _ = connected(channel)
    connection.data_received(request() * 2 + request()[:50])
    connection._request_since -= 100
    told(channel)
    connection.sweep(asyncio.get_running_loop().time() + 5)
    assert [202, 202] == wire.statuses


# Producers that leave, and those that do not read.


async def test_a_producer_that_leaves_within_a_body_leaves_nothing() -> None:
    """Half an event is none."""
    async with opened("protocol") as door:
        async with door.producer() as producer:
            await producer.send(request(b"", Content_Length="9") + b"half")
            await door.wait_connections(1)
        await door.wait_connections(0)
        assert (0, []) == (door.intake.connections, door.place.channel.submitted)


async def test_a_producer_that_leaves_before_its_answer_harms_nobody() -> None:
    """The store goes on and is counted, its answer is for nobody."""
    channel = SlowChannel()
    async with opened("protocol", channel) as door:
        async with door.producer() as producer:
            await producer.send(request())
            await channel.wait_submitted(1)
        channel.receipts[0].stored()
        await door.wait_connections(0)
        assert (1, 1) == (door.intake.accepted, len(channel.submitted))
    connection, wire, _ = connected(channel := SlowChannel())
    connection.data_received(request(b"", ce_id="1") + request(b"", Content_Length="5", Expect="100-continue"))
    connection.connection_lost(None)
    channel.receipts[0].refused(ChannelFull("full"))
    assert (b"", {503: 1}) == (wire.written, dict(connection.intake.answers))


async def test_after_the_end_of_the_input_none_is_waited_for() -> None:
    """The connection closes as soon as the answer is out."""
    connection, wire, _ = connected(channel := SlowChannel())
    connection.data_received(request())
    assert connection.eof_received()
    channel.receipts[0].stored()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert ([202], True) == (wire.statuses, wire.is_closed)
    assert not connection.eof_received()


async def test_a_connection_that_closes_already_is_not_ended_again() -> None:
    """The loop closed it while a store was under way."""
    connection, wire, _ = connected(channel := SlowChannel())
    connection.data_received(request(Connection="close"))
    wire.close()
    channel.receipts[0].stored()
    assert ([202], False) == (wire.statuses, wire.is_ended)


async def test_a_connection_that_cannot_be_half_open_ends_whole() -> None:
    """TLS has no half-close: the answer is written, the transport closes later."""
    connection, wire, _ = connected(channel := SlowChannel())
    wire.is_half = False
    connection.data_received(request(Connection="close"))
    assert not connection.eof_received()
    channel.receipts[0].stored()
    assert ([202], False) == (wire.statuses, wire.is_ended)


async def test_a_producer_that_only_stops_sending_gets_its_answers() -> None:
    """A half-closed connection lives until all that came is answered."""
    channel = SlowChannel()
    async with opened("protocol", channel) as door, door.producer() as producer:
        await producer.send(request() * 3)
        producer.writer.write_eof()
        for number in range(3):
            await channel.wait_submitted(number + 1)
            channel.receipts[number].stored()
        assert [202] * 3 == [(await producer.answer()).status for _ in range(3)]
        assert b"" == await producer.rest()


async def test_a_producer_that_does_not_read_is_not_read_either_and_cut_off() -> None:
    """What it can make the server hold is bounded; close() alone would wait for ever."""
    async with opened("protocol") as door, door.producer() as producer:
        await door.wait_connections(1)
        [connection] = door.connections
        producer.writer.transport.pause_reading()
        while not connection._is_clogged:
            producer.writer.write(b"GET /un/known HTTP/1.1\r\n\r\n" * 1000)
            await asyncio.sleep(0)
        answered = sum(door.intake.answers.values())
        for _ in range(100):
            await asyncio.sleep(0)
        assert answered == sum(door.intake.answers.values())
        now = asyncio.get_running_loop().time()
        for later in (1, 62):
            connection.sweep(now + later)
        await door.wait_connections(0)


async def test_a_producer_that_reads_again_is_read_again() -> None:
    """Unless requests of its own still wait; its unfinished request is not blamed for the pause."""
    channel = SlowChannel()
    connection, wire, _ = connected(channel)
    start = asyncio.get_running_loop().time()
    connection.data_received(request()[:50])
    connection.pause_writing()
    connection.sweep(start + 11)
    assert ([], False) == (wire.statuses, wire.is_reading)
    connection.resume_writing()
    assert wire.is_reading
    connection.data_received(request()[50:] + request())
    connection.pause_writing()
    connection.resume_writing()
    assert not wire.is_reading


async def test_a_queue_that_empties_does_not_read_on_for_who_does_not_read() -> None:
    """Both must be well: the queue empty, the answers taken."""
    channel = SlowChannel()
    connection, wire, _ = connected(channel)
    connection.data_received(request() * 2)
    connection.pause_writing()
    told(channel)
    assert ([202, 202], False) == (wire.statuses, wire.is_reading)


async def test_after_the_last_answer_input_is_thrown_away_for_a_while() -> None:
    """Else a reset could destroy the answer (RFC 9112, 9.6)."""
    connection, wire, _ = connected()
    connection.data_received(b"\x00")
    connection.data_received(request() * 10)
    assert ([400], True, False) == (wire.statuses, wire.is_ended, wire.is_closed)


# uvicorn's goodbye.


async def test_a_shutdown_waits_for_the_store_under_way_and_closes() -> None:
    """The answer is 202, and says that it is the last; idle connections close at once."""
    channel = SlowChannel()
    async with opened("protocol", channel) as door, door.producer() as busy, door.producer() as idle:
        await busy.send(request())
        await channel.wait_submitted(1)
        stopping = asyncio.create_task(door.server.shutdown())
        assert b"" == await idle.rest()
        channel.receipts[0].stored()
        said = await busy.answer()
        assert (202, "close") == (said.status, said.headers["connection"])
        assert b"" == await busy.rest()
        busy.writer.close()
        await stopping


async def test_a_shutdown_lets_a_half_received_request_be_finished() -> None:
    """Its answer is the last one."""
    connection, wire, place = connected()
    connection.data_received(request(b"hello")[:-2])
    connection.shutdown()
    assert not wire.is_closed
    connection.data_received(request(b"hello")[-2:])
    assert ([202], True, b"hello") == (wire.statuses, wire.is_ended, place.channel.submitted[0][0].data)
    assert b"Connection: close" in wire.written


async def test_a_shutdown_lets_requests_that_wait_be_served() -> None:
    """Only the last answer says that it is the last."""
    channel = SlowChannel()
    connection, wire, _ = connected(channel)
    connection.data_received(request() * 3)
    connection.shutdown()
    told(channel)
    assert ([202] * 3, True) == (wire.statuses, wire.is_ended)
    assert 1 == wire.written.count(b"Connection: close")


async def test_a_connection_that_is_gone_can_be_shut_down_and_swept() -> None:
    """uvicorn may be a moment late."""
    connection, wire, _ = connected()
    connection.connection_lost(None)
    connection.shutdown()
    connection.sweep(asyncio.get_running_loop().time() + 1000)
    connection.pause_writing()
    connection.data_received(request())
    assert (b"", False) == (wire.written, wire.is_closed)


# Bounds.


async def test_connections_above_the_bound_are_refused() -> None:
    """503 with Retry-After; when one closes, there is room for another."""
    async with opened("protocol", connections_max=1) as door:
        async with door.producer() as first:
            assert 202 == (await first.ask(request())).status
            async with door.producer() as second:
                said = await second.answer()
                assert (503, "1") == (said.status, said.headers["retry-after"])
                assert b"" == await second.rest()
        await door.wait_connections(0)
        assert 0 == door.intake.connections
        assert 202 == (await door.ask(request())).status
