"""A Broker's life in virtual time: how it begins, how it ends, and what the Broker of the next process finds."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Self

import pytest

from channels.contract import Features, Start, Subscription
from channels.memory import MemoryChannel
from channels.memory_dead_letter import MemoryDeadLetters
from channels.witness import Told
from dispatcher.broker import Broker
from dispatcher.filters import parse_filters
from dispatcher.manner import Manner
from dispatcher.retry import Policy
from dispatcher.sink import BrokerSink
from dispatcher.trigger import TriggerSpec
from tests.dispatcher.stage import LIMITS, Answer, ScriptedSink, an_event, saying

pytestmark = pytest.mark.looptime
EVERYTHING = parse_filters(None, None)
LATER = Policy(retry=2, backoff_policy="linear", backoff_delay_s=5.0)
DURABLE = replace(LIMITS, backlog_events_max=None, backlog_size_max_bytes=None)


class LastingChannel(MemoryChannel):
    """As good as a durable one for processes that end in order, which it outlives."""

    features = Features(persistent=True, durable=True, ordered=True)

    def __init__(self) -> None:
        super().__init__(events_max=10**6, size_max_bytes=10**9)
        self.hooks: list[Callable[[], None]] = []
        self.users = 0
        self.members = 0
        self.joins = 0

    async def __aenter__(self) -> Self:
        self.users += 1
        await asyncio.sleep(0.1)
        return await super().__aenter__()

    async def __aexit__(self, *exc: object) -> None:
        self.users -= 1
        self.hooks.clear()

    def before_commit(self, do: Callable[[], None]) -> None:
        self.hooks.append(do)

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Subscription]:
        await asyncio.sleep(0.1)
        async with super().subscribe(group, start=start) as member:
            self.members += 1
            self.joins += 1
            try:
                yield member
            finally:
                self.members -= 1

    def commit(self) -> None:
        for do in self.hooks:
            do()


def spec(sink: ScriptedSink, *, is_paused: bool = False, dead: ScriptedSink | None = None) -> TriggerSpec:
    policy = replace(LATER, has_dead_letter_sink=dead is not None)
    return TriggerSpec(EVERYTHING, sink, dead, policy, Manner(is_paused=is_paused))


def always(answer: Answer) -> ScriptedSink:
    return ScriptedSink(saying(answer))


def a_broker(specs: Mapping[str, TriggerSpec] | None) -> Broker:
    broker = Broker("ns", "b", event_size_max_bytes=10**6)
    if specs is not None:
        broker.replace_triggers(specs)
    return broker


async def opened(channel: MemoryChannel, specs: Mapping[str, TriggerSpec] | None) -> Broker:
    broker = a_broker(specs)
    await broker.open(channel, dead_letters=MemoryDeadLetters(size_max_bytes=10**8), limits=DURABLE)
    return broker


def publish(broker: Broker, first: int, last: int) -> None:
    for number in range(first, last + 1):
        broker.submit((an_event(number),), Told())


async def test_triggers_come_to_be_with_the_channel() -> None:
    """Before it there is nothing for them to begin with."""
    broker = a_broker({"t": spec(always(204))})
    assert {} == broker.triggers
    await broker.open(LastingChannel(), dead_letters=MemoryDeadLetters(size_max_bytes=1), limits=DURABLE)
    assert ["t"] == [*broker.triggers]
    await broker.close()
    assert {} == broker.triggers


async def test_nothing_is_judged_before_the_triggers_are_known() -> None:
    """What is in the channel may be theirs: to judge it without them would be to lose it."""
    channel = LastingChannel()
    broker = await opened(channel, None)
    publish(broker, 1, 3)
    await asyncio.sleep(1.0)
    assert (0, 3, 0) == (broker.judged, broker.lag, broker.unaccounted)
    sink = always(204)
    broker.replace_triggers({"t": spec(sink)})
    await asyncio.sleep(1.0)
    assert (3, ["1", "2", "3"], 0) == (broker.judged, sink.ids, broker.unaccounted)
    await broker.close()
    assert 0 == broker.unaccounted


@pytest.mark.parametrize("after_s", [0.05, 0.15])
async def test_an_opening_that_is_cancelled_leaves_nothing_behind(after_s: float) -> None:
    """Wherever it was."""
    channel = LastingChannel()
    broker = a_broker({"t": spec(always(204))})
    opening = asyncio.create_task(
        broker.open(channel, dead_letters=MemoryDeadLetters(size_max_bytes=1), limits=DURABLE)
    )
    await asyncio.sleep(after_s)
    opening.cancel()
    await asyncio.wait([opening])
    assert (0 if after_s > 0.1 else 1, 0, None, {}) == (
        channel.users,
        channel.members,
        broker.channel,
        broker.triggers,
    )


async def test_a_crash_of_the_reader_keeps_the_membership(caplog: pytest.LogCaptureFixture) -> None:
    """What the lanes hold stays held: it does not come a second time."""
    channel = LastingChannel()
    sink = ScriptedSink()
    broker = await opened(channel, {"t": spec(sink)})
    publish(broker, 1, 2)
    await asyncio.sleep(0.1)
    trigger = broker.triggers["t"]
    offer, trigger.offer = trigger.offer, None  # type: ignore[assignment]
    publish(broker, 3, 3)
    await asyncio.sleep(0.05)
    trigger.offer = offer
    publish(broker, 4, 4)
    await asyncio.sleep(1.0)
    assert (["1", "2", "4"], 1, 1) == (sink.ids, channel.members, len(caplog.messages))
    await broker.close()


async def test_a_stop_leaves_everything_in_the_channel() -> None:
    """Waiting for its turn or for a retry, parked, paused: the next process goes on with all of it, once."""
    channel = LastingChannel()
    sink, dead = always(503), always(503)
    specs = {"t": spec(sink), "dead": spec(always(400), dead=dead), "p": spec(sink, is_paused=True)}
    broker = await opened(channel, specs)
    publish(broker, 1, 3)
    await asyncio.sleep(1.0)
    sink.answer = saying(None)
    publish(broker, 4, 9)
    await asyncio.sleep(1.0)
    assert (4, 5) == (broker.triggers["t"].in_flight, broker.triggers["t"].waiting)
    broker.hold()
    for answer in (204, 204, 503, 503):
        sink.end(answer)
    await broker.close()
    assert (0, 0) == (channel.users, channel.members)
    good = always(204)
    broker = await opened(channel, {"t": spec(good), "dead": spec(good, dead=good), "p": spec(good)})
    assert {"t": 9, "dead": 9, "p": 9} == {name: trigger.matched for name, trigger in broker.triggers.items()}
    await asyncio.sleep(100.0)
    assert {"t": (9, 0), "dead": (0, 9), "p": (9, 0)} == {
        name: (trigger.delivered, trigger.dead_lettered) for name, trigger in broker.triggers.items()
    }
    assert (0, 0) == (channel.statistics().events, broker.unaccounted)
    assert [0, 0, 0] == [trigger.balance for trigger in broker.triggers.values()]
    await broker.close()


async def test_what_was_in_flight_when_it_stopped_comes_again() -> None:
    """Nobody knows what became of it, and it is counted once."""
    channel = LastingChannel()
    sink = ScriptedSink()
    broker = await opened(channel, {"t": spec(sink)})
    publish(broker, 1, 2)
    await asyncio.sleep(1.0)
    await broker.close()
    sink.end(204)
    sink.end(503)
    await asyncio.sleep(10.0)
    good = always(204)
    broker = await opened(channel, {"t": spec(good)})
    await asyncio.sleep(10.0)
    assert (["1", "2"], 2, 2) == (good.ids, broker.triggers["t"].matched, broker.triggers["t"].delivered)
    await broker.close()


async def test_counters_are_remembered_with_the_commit_that_has_the_acks() -> None:
    """And once more when the Broker is closed; a Trigger that has nothing to do is not asked."""
    channel = LastingChannel()
    broker = await opened(channel, {"t": spec(always(204))})
    new = channel.remembered["trigger/t"]
    publish(broker, 1, 1)
    await asyncio.sleep(1.0)
    assert new == channel.remembered["trigger/t"]
    channel.commit()
    one = channel.remembered["trigger/t"]
    publish(broker, 2, 2)
    await asyncio.sleep(1.0)
    await broker.close()
    assert 3 == len({new, one, channel.remembered["trigger/t"]})


async def test_a_broker_that_is_held_ends_what_is_in_flight_and_begins_nothing() -> None:
    """It reads nothing either; and Triggers that come are held as well."""
    channel = LastingChannel()
    sink = ScriptedSink()
    broker = await opened(channel, {"t": spec(sink)})
    publish(broker, 1, 9)
    await asyncio.sleep(1.0)
    broker.hold()
    publish(broker, 10, 12)
    late = always(204)
    broker.replace_triggers({"t": spec(sink), "late": spec(late)})
    for _ in range(4):
        sink.end(204)
    await asyncio.sleep(100.0)
    trigger = broker.triggers["t"]
    assert (4, [], 9, 0, 4) == (len(sink.sent), late.ids, broker.judged, trigger.in_flight, trigger.delivered)
    assert (0, 0) == (trigger.balance, broker.unaccounted)
    await broker.close()
    again = always(204)
    broker = await opened(channel, {"t": spec(again)})
    await asyncio.sleep(10.0)
    assert {str(number) for number in range(1, 13)} - {event.id for event in sink.events} == {*again.ids}
    await broker.close()


async def test_a_broker_that_is_deleted_drops_what_its_triggers_hold() -> None:
    """The rest is for whoever drops the channel's data."""
    channel = LastingChannel()
    sink = always(503)
    broker = await opened(channel, {"t": spec(sink)})
    publish(broker, 1, 9)
    await asyncio.sleep(1.0)
    trigger = broker.triggers["t"]
    assert 9 == trigger.parked
    await broker.close(is_deleted=True)
    assert (9, 0, 0, {}) == (trigger.dropped, trigger.waiting, trigger.balance, channel.remembered)
    assert 0 == channel.statistics().events


async def test_a_trigger_that_is_deleted_leaves_nothing_to_one_of_its_name() -> None:
    """Though that comes in the same moment."""
    channel = LastingChannel()
    sink = always(503)
    broker = await opened(channel, {"t": spec(sink)})
    publish(broker, 1, 9)
    await asyncio.sleep(1.0)
    old = broker.triggers["t"]
    broker.replace_triggers({})
    broker.replace_triggers({"t": spec(sink)})
    new = broker.triggers["t"]
    assert (9, 0, 0, 0) == (old.dropped, old.balance, new.matched, new.waiting)
    channel.commit()
    await broker.close()
    broker = await opened(channel, {"t": spec(sink)})
    assert (0, 0) == (broker.triggers["t"].matched, broker.triggers["t"].dropped)
    await broker.close()


async def test_what_is_kept_for_triggers_that_do_not_exist_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """They may come back, and find it then."""
    channel = LastingChannel()
    specs = {"t": spec(always(503)), "d": spec(always(400), dead=always(503)), "none": spec(always(204))}
    broker = await opened(channel, specs)
    publish(broker, 1, 3)
    await asyncio.sleep(1.0)
    assert {} == broker.orphans
    await broker.close()
    assert {} == broker.orphans
    broker = await opened(channel, None)
    assert ({}, []) == (broker.orphans, caplog.messages)
    broker.replace_triggers({})
    assert {"d": 3, "none": 0, "t": 3} == broker.orphans
    sink = always(204)
    broker.replace_triggers({"t": spec(sink)})
    assert {"d": 3, "none": 0} == broker.orphans
    await asyncio.sleep(100.0)
    assert (3, 3) == (len(sink.sent), broker.triggers["t"].delivered)
    assert ["ns/b keeps events for Triggers that do not exist: d (3), t (3)"] == caplog.messages
    await broker.close()


async def test_a_broker_that_does_not_read_keeps_what_is_published_for_one_that_does() -> None:
    """From the moment on that it is open; it has no Triggers at work, says nothing of others' work, and never joins."""
    channel = LastingChannel()
    sink = always(204)
    broker = a_broker({"t": spec(sink)})
    letters = MemoryDeadLetters(size_max_bytes=10**8)
    await broker.open(channel, dead_letters=letters, limits=DURABLE, reads=False)
    assert 0 == channel.joins
    publish(broker, 1, 3)
    broker.replace_triggers({"t": spec(sink), "u": spec(sink)})
    broker.remember("v", b"note")
    broker.regulate()
    await asyncio.sleep(1.0)
    assert ([], {}, {}) == (sink.ids, broker.triggers, broker.orphans)
    assert (0, 0, 0, False) == (broker.judged, broker.lag, broker.unaccounted, broker.entrance.is_closed)
    assert (3, {"trigger/v": b"note"}) == (channel.statistics().events, channel.remembered)
    broker.hold()
    await broker.close()
    assert (0, None) == (channel.users, broker.channel)
    broker = await opened(channel, {"t": spec(sink)})
    await asyncio.sleep(1.0)
    assert ["1", "2", "3"] == sink.ids
    await broker.close()


async def test_sinks_publish_into_a_broker_that_does_not_read() -> None:
    """One that is a Broker of this process needs its channel alone."""
    target, channel = a_broker({}), LastingChannel()
    letters = MemoryDeadLetters(size_max_bytes=10**8)
    await target.open(channel, dead_letters=letters, limits=DURABLE, reads=False)
    source = await opened(
        LastingChannel(), {"t": TriggerSpec(EVERYTHING, BrokerSink("http://b/", target), None, LATER)}
    )
    publish(source, 1, 2)
    await asyncio.sleep(1.0)
    assert (2, 2) == (source.triggers["t"].delivered, channel.statistics().events)
    await source.close()
    await target.close()
