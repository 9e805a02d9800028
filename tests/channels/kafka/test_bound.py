"""How much a channel may hold; by itself, and against a real server where several processes fill it and make room."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from channels.kafka import KafkaChannel, KafkaCluster
from channels.kafka.bound import Bound
from channels.kafka.counting import Book
from channels.offsets import Offsets
from channels.witness import WAIT_MAX_S, comes, events_of, is_refused, receive, take
from tests.channels.kafka.stage import QUICK, a_channel
from tests.rig.kafka import Kafka

EVENTS_MAX = 20
LOOKS_S = 1.0
"""Less than the two seconds between looks of a process that has room."""
ROUNDS = 4


def a_bound(events_max: int, size_max_bytes: int = 1000) -> tuple[Bound, Book]:
    """Of one partition and one group; events of ten bytes."""
    book = Book()
    book.ends = [0]
    book.known.add("g")
    book.settled["g"][0] = Offsets(0)
    book.see(1, 10)
    return Bound(book, events_max=events_max, size_max_bytes=size_max_bytes), book


def test_a_bound_is_of_events_wherever_they_rest() -> None:
    bound, book = a_bound(10)
    book.found(0, 4)
    bound.count()
    assert bound.has_room(3, 30, beside=(3, 30))
    assert not bound.has_room(4, 40, beside=(3, 30))


def test_a_bound_is_of_bytes_wherever_they_rest() -> None:
    bound, book = a_bound(100, 100)
    book.found(0, 4)
    bound.count()
    assert bound.has_room(1, 30, beside=(1, 30))
    assert not bound.has_room(1, 31, beside=(1, 30))


def test_what_was_stored_counts_at_once_and_what_is_settled_when_there_is_no_room() -> None:
    """To count is not for each event; who is refused since then is worth a look at what others have done."""
    bound, book = a_bound(10)
    bound.stored(10)
    book.found(0, 10)
    assert not bound.has_room(1, 10, beside=(0, 0))
    assert bound.is_reached
    book.settled["g"][0].skip(0, 4)
    assert bound.has_room(4, 40, beside=(0, 0))
    assert not bound.is_reached


@asynccontextmanager
async def a_process(kafka: Kafka, topic: str) -> AsyncIterator[KafkaChannel]:
    async with (
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster,
        a_channel(cluster, name=topic, partitions=2, events_max=EVENTS_MAX) as channel,
    ):
        yield channel


async def is_taken(channel: KafkaChannel) -> None:
    """An event is, as soon as the channel knows of room."""
    while await is_refused(channel, events_of(0, 0)):
        await asyncio.sleep(0.01)


async def fill(channel: KafkaChannel) -> int:
    """How many it took until it refused."""
    taken = 0
    while not await is_refused(channel, events_of(0, 0)):
        taken += 1
    return taken


async def test_who_only_publishes_learns_soon_of_the_room_that_others_make(kafka: Kafka) -> None:
    """While it refuses it looks oftener."""
    topic = f"t-{uuid.uuid4().hex}"
    async with a_process(kafka, topic) as publisher, a_process(kafka, topic) as channel:
        await publisher.ensure("g")
        async with channel.subscribe("g") as member:
            for _ in range(ROUNDS):
                await fill(publisher)
                member.ack(await receive(member, EVENTS_MAX))
                async with asyncio.timeout(LOOKS_S):
                    await is_taken(publisher)
                assert EVENTS_MAX == 1 + await fill(publisher)
                member.ack(await receive(member, EVENTS_MAX))
                await comes(0, lambda: publisher.statistics().events)


async def test_what_waits_for_a_sink_is_held_wherever_it_waits(kafka: Kafka) -> None:
    """Parked by one process, it fills the channel for another."""
    topic = f"t-{uuid.uuid4().hex}"
    async with a_process(kafka, topic) as publisher, a_process(kafka, topic) as channel:
        await publisher.ensure("g")
        assert EVENTS_MAX == await fill(publisher)
        async with channel.subscribe("g") as member:
            held = await receive(member, EVENTS_MAX)
            member.queue("q").park(held)
            member.ack(held)
            for one in (channel, publisher):
                await comes((EVENTS_MAX, 0), lambda one=one: (one.parking.index.events, one.book.count()))  # type: ignore[misc]
                assert await is_refused(one, events_of(0, 0))
            member.ack(await take(member.queue("q"), EVENTS_MAX))
            await is_taken(publisher)


async def test_a_group_that_begins_in_the_past_stops_no_producer(kafka: Kafka) -> None:
    """However much there is, in whichever process it reads. What comes later it holds as any other."""
    topic = f"t-{uuid.uuid4().hex}"
    async with (
        a_process(kafka, topic) as publisher,
        a_process(kafka, topic) as channel,
        channel.subscribe("live") as live,
    ):
        for number in range(1, EVENTS_MAX):
            await publisher.publish(events_of(-number, -number))
        live.ack(await receive(live, EVENTS_MAX - 1))
        await channel.ensure("past", start="earliest")
        for number in range(EVENTS_MAX):
            await channel.publish(events_of(number, number))
            await is_taken(publisher)
            live.ack(await receive(live, 2))
        assert 3 * EVENTS_MAX - 1 == channel.statistics().events
        async with channel.subscribe("past") as past:
            found = await receive(past, 3 * EVENTS_MAX - 1)
            past.ack([one for one in found if one.event.id.startswith("-")])
            for one in (channel, publisher):
                async with asyncio.timeout(WAIT_MAX_S):
                    while not await is_refused(one, events_of(0, 0)):
                        live.ack(await receive(live, 1))


async def test_what_nobody_read_before_it_was_deleted_is_held_no_more(kafka: Kafka) -> None:
    """Kafka's retention asks nobody: a Broker that nobody delivers from takes events again when they have gone."""
    topic = f"t-{uuid.uuid4().hex}"
    async with a_process(kafka, topic) as publisher:
        await publisher.ensure("g")
        assert EVENTS_MAX == await fill(publisher)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        await admin.start()
        everything = RecordsToDelete(before_offset=-1)
        await admin.delete_records({TopicPartition(topic, one): everything for one in range(2)})
        await admin.close()
        async with asyncio.timeout(LOOKS_S):
            await is_taken(publisher)
