"""Attempts that take longer than a takeover waits, while dispatchers and ingresses come to a Broker on a real Kafka."""

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from channels.kafka import KafkaCluster
from channels.memory_dead_letter import MemoryDeadLetters
from channels.witness import comes, events_of
from dispatcher.broker import Broker
from dispatcher.filters import parse_filters
from dispatcher.manner import Manner
from dispatcher.retry import Policy
from dispatcher.trigger import TriggerSpec
from tests.channels.kafka.stage import QUICK, a_channel
from tests.dispatcher.stage import DURABLE, ScriptedSink, saying
from tests.rig.kafka import Kafka

EVERYTHING = parse_filters(None, None)
PARTITIONS = 4
EVENTS = 16
COMINGS = 3


@asynccontextmanager
async def a_process(
    kafka: Kafka, topic: str, specs: Mapping[str, TriggerSpec], *, reads: bool = True
) -> AsyncIterator[Broker]:
    """With the Broker of that topic."""
    async with KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as cluster:
        broker = Broker("ns", "b", event_size_max_bytes=10**6)
        broker.replace_triggers(specs)
        channel = a_channel(cluster, name=topic, partitions=PARTITIONS)
        letters = MemoryDeadLetters(size_max_bytes=10**6)
        await broker.open(channel, dead_letters=letters, limits=DURABLE, reads=reads)
        try:
            yield broker
        finally:
            await broker.close()


def to(sink: ScriptedSink) -> Mapping[str, TriggerSpec]:
    return {"t": TriggerSpec(EVERYTHING, sink, None, Policy(), Manner(concurrency=2 * EVENTS))}


async def fill(broker: Broker, sink: ScriptedSink) -> None:
    """Until all of it is on its way."""
    assert broker.channel is not None
    for number in range(EVENTS):
        await broker.channel.publish(events_of(number, number))
    await comes(EVENTS, lambda: len(sink.ids))


def held(broker: Broker) -> int:
    assert broker.channel is not None
    return broker.channel.statistics().events


def end(sink: ScriptedSink) -> None:
    """All that is on its way to it has been delivered."""
    while sink.held:
        sink.end(204)


async def test_ingresses_that_come_and_go_have_nothing_sent_twice(kafka: Kafka) -> None:
    """What they take in meanwhile is sent beside what is on its way."""
    topic, sink = f"t-{uuid.uuid4().hex}", ScriptedSink()
    async with a_process(kafka, topic, to(sink)) as broker:
        await fill(broker, sink)
        for number in range(EVENTS, EVENTS + COMINGS):
            async with a_process(kafka, topic, {}, reads=False) as ingress:
                assert ingress.channel is not None
                await ingress.channel.publish(events_of(number, number))
                await comes(number + 1, lambda: len(sink.ids))
        end(sink)
        await comes(0, lambda: held(broker))
        assert EVENTS + COMINGS == len(sink.ids)


async def test_a_dispatcher_that_comes_has_only_that_sent_twice_whose_partition_it_gets(kafka: Kafka) -> None:
    """The others' attempts go on to their end, and count."""
    topic, sink, second = f"t-{uuid.uuid4().hex}", ScriptedSink(), ScriptedSink(saying(204))
    async with a_process(kafka, topic, to(sink)) as broker:
        await fill(broker, sink)
        async with a_process(kafka, topic, to(second)):
            await comes(EVENTS // 2, lambda: len(second.ids))
            end(sink)
            await comes(0, lambda: held(broker))
            assert EVENTS == len(sink.ids)
            times = Counter([*sink.ids, *second.ids])
            assert {1: EVENTS // 2, 2: EVENTS // 2} == Counter(times.values())
