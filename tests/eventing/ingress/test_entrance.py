"""A Broker whose entrance is closed: its producers wait for their answer, in order, and everybody else is served."""

import asyncio

import pytest

from tests.eventing.ingress.door import KINDS, Kind, opened, request

both_doors = pytest.mark.parametrize("kind", KINDS)


@both_doors
async def test_a_request_waits_until_the_entrance_opens(kind: Kind) -> None:
    async with opened(kind) as door, door.producer() as producer:
        door.place.entrance.close(door)
        await producer.send(request(ce_id="1"))
        assert 404 == (await door.ask(request(path="/default/other"))).status
        assert 200 == (await door.ask(request(method="OPTIONS"))).status
        assert [] == door.place.channel.ids
        door.place.entrance.open(door)
        assert 202 == (await producer.answer()).status
        assert ["1"] == door.place.channel.ids


async def test_a_pipeline_that_waits_is_answered_in_order() -> None:
    async with opened("protocol") as door, door.producer() as producer:
        door.place.entrance.close(door)
        await producer.send(request(ce_id="1") + request(method="GET") + request(ce_id="2") + b"no HTTP\r\n\r\n")
        await asyncio.sleep(0.05)
        door.place.entrance.open(door)
        assert [202, 405, 202, 400] == [(await producer.answer()).status for _ in range(4)]
        assert b"" == await producer.rest()
        assert ["1", "2"] == door.place.channel.ids


async def test_waiting_is_neither_idle_nor_slow() -> None:
    """It is not the producer's fault: no timeout of its own runs."""
    async with opened("protocol") as door, door.producer() as producer:
        door.place.entrance.close(door)
        await producer.send(request())
        await door.wait_connections(1)
        (connection,) = door.connections
        while not connection._is_held:
            await asyncio.sleep(0)
        for now in range(0, 10_000, 100):
            connection.sweep(connection._loop.time() + now)
        door.place.entrance.open(door)
        assert 202 == (await producer.answer()).status


@both_doors
async def test_a_producer_that_goes_while_it_waits_leaves_nothing_behind(kind: Kind) -> None:
    async with opened(kind) as door:
        door.place.entrance.close(door)
        async with door.producer() as producer:
            await producer.send(request())
            await door.wait_connections(1)
        door.place.entrance.open(door)
        await door.wait_connections(0)
        assert 202 == (await door.ask(request())).status


async def test_a_stopping_server_still_answers_those_who_wait() -> None:
    async with opened("protocol") as door, door.producer() as producer:
        door.place.entrance.close(door)
        await producer.send(request())
        await door.wait_connections(1)
        (connection,) = door.connections
        while not connection._is_held:
            await asyncio.sleep(0)
        connection.shutdown()
        door.place.entrance.open(door)
        said = await producer.answer()
        assert (202, "close") == (said.status, said.headers["connection"])


@both_doors
async def test_only_batches_are_followed_by_a_look_at_the_lag(kind: Kind) -> None:
    """Single events are bounded by the number of connections."""
    event = '{"specversion":"1.0","id":"1","source":"/s","type":"t"}'
    batch = request(f"[{event},{event}]".encode(), Content_Type="application/cloudevents-batch+json")
    async with opened(kind) as door:
        await door.ask(request())
        assert 0 == door.place.regulated
        await door.ask(batch)
        assert 1 == door.place.regulated
