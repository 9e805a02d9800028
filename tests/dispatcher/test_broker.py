"""A Broker in virtual time: events in, Triggers that come, change and go under load, and nothing lost."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Channel
from channels.dead_letter import EVERYTHING as ALL_LETTERS
from channels.errors import ChannelUnavailable
from channels.memory import MemoryChannel
from channels.memory_dead_letter import MemoryDeadLetters
from channels.witness import Told
from dispatcher.broker import Broker
from dispatcher.filters import parse_filters
from dispatcher.retry import Policy
from dispatcher.sighting import Sightings
from dispatcher.sink import BrokerSink
from dispatcher.trigger import Trigger, TriggerSpec
from tests.dispatcher.stage import LIMITS, REPLY, ScriptedSink, an_event, in_virtual_time, saying

pytestmark = pytest.mark.looptime
EVERYTHING = parse_filters(None, None)
SOON = Policy(retry=2, backoff_delay_s=0.1)


def a_channel() -> MemoryChannel:
    return MemoryChannel(events_max=100_000, size_max_bytes=10**9)


def a_broker(name: str = "b") -> Broker:
    return Broker("ns", name, event_size_max_bytes=10**6)


def a_store() -> MemoryDeadLetters:
    return MemoryDeadLetters(size_max_bytes=10**8)


async def opened(
    specs: Mapping[str, TriggerSpec] | None = None,
    *,
    name: str = "b",
    channel: Channel | None = None,
    store: MemoryDeadLetters | None = None,
) -> Broker:
    """A Broker at work."""
    broker = a_broker(name)
    broker.replace_triggers(specs or {})
    await open_broker(broker, channel, store)
    return broker


async def open_broker(broker: Broker, channel: Channel | None = None, store: MemoryDeadLetters | None = None) -> None:
    await broker.open(channel or a_channel(), dead_letters=store or a_store(), limits=LIMITS)


def spec(sink: ScriptedSink | BrokerSink, *, type: str | None = None, policy: Policy = SOON) -> TriggerSpec:  # noqa: A002
    predicate = EVERYTHING if type is None else parse_filters({"attributes": {"type": type}}, None)
    return TriggerSpec(predicate, sink, None, policy)


def submit(broker: Broker, numbers: Iterable[int], type: str = "t") -> list[Exception | None]:  # noqa: A002
    """Each event on its own; what the receipts were told."""
    receipts = []
    for number in numbers:
        receipts.append(Told())
        broker.submit((an_event(number, type=type),), receipts[-1])
    return [answer for receipt in receipts for answer in receipt.answers]


def held(broker: Broker) -> int:
    assert broker.channel is not None
    return broker.channel.statistics().events


async def test_an_event_goes_to_each_trigger_that_wants_it() -> None:
    """From the moment on that `open` returned."""
    broker = a_broker()
    one, two, other = (ScriptedSink(lambda _: 204) for _ in range(3))
    broker.replace_triggers({"one": spec(one), "two": spec(two, type="t"), "other": spec(other, type="x")})
    await open_broker(broker)
    assert [None] == submit(broker, [1])
    await asyncio.sleep(1.0)
    assert (["1"], ["1"], []) == (one.ids, two.ids, other.ids)
    assert (0, 1, b"/ns/b") == (held(broker), broker.judged, broker.path)
    assert {"one": 0, "two": 0, "other": 1} == {name: t.filtered for name, t in broker.triggers.items()}
    await broker.close()


async def test_a_channel_is_a_broker_of_another_name() -> None:
    """Its path, its dead letters and what it rests under tell it from a Broker; its Subscriptions get all events."""
    store = a_store()
    channel = Broker("ns", "b", event_size_max_bytes=10**6, is_channel=True)
    assert (b"/channels/ns/b", "channels/ns/b", "channels/b") == (channel.path, channel.label, channel.title)
    assert ("ns/b", "b", 255) == (a_broker().label, a_broker().title, a_broker().ttl_max)
    assert channel.ttl_max is None
    (error,) = submit(channel, [1])
    assert "the Channel has no channel" == str(error)
    channel.replace_triggers({"s": spec(ScriptedSink(saying(400)))})
    await open_broker(channel, store=store)
    submit(channel, [1])
    await asyncio.sleep(1.0)
    (letter,) = await store.find(ALL_LETTERS, limit=9)
    assert ("ns", "channels/b", "s") == letter.address
    await channel.close()


async def test_events_go_through_a_channel_between_two_brokers_with_the_hops_they_have() -> None:
    """A Trigger that sends into a Channel, and a Subscription whose replies go into the Broker it came from: the loop
    ends when the hops are used up, and the event that was one too many is a dead letter.
    """
    store = a_store()
    broker = Broker("ns", "b", event_size_max_bytes=10**6, ttl_max=3)
    channel = Broker("ns", "c", event_size_max_bytes=10**6, is_channel=True)
    subscriber = ScriptedSink(saying(REPLY))
    reply = BrokerSink("http://self/ns/b", broker)
    channel.replace_triggers({"s": replace(spec(subscriber, policy=SOON), reply=reply)})
    broker.replace_triggers({"t": spec(BrokerSink("http://self/channels/ns/c", channel))})
    await open_broker(channel, store=store)
    await open_broker(broker)
    receipt = Told()
    broker.submit((an_event(1).with_ttl(3),), receipt)
    await asyncio.sleep(1.0)
    assert [3, 2, 1] == [event.ttl for event in subscriber.events]
    (letter,) = await store.find(ALL_LETTERS, limit=9)
    assert ("ttlexhausted", "channels/c") == (letter.reason, letter.address.broker)
    for one in (broker, channel):
        assert (0, 0) == (held(one), sum(trigger.balance for trigger in one.triggers.values()))
        await one.close()


async def test_what_is_submitted_is_sighted() -> None:
    """Replies among it, and what comes from another Broker of the process; what is refused is not."""
    sightings = Sightings(lambda: None)
    broker = Broker("ns", "b", event_size_max_bytes=10**6, sightings=sightings)
    submit(broker, [1], "refused")
    broker.replace_triggers({"t": spec(ScriptedSink(lambda attempt: REPLY if attempt.event.type == "t" else 204))})
    await open_broker(broker)
    submit(broker, [1, 2])
    await asyncio.sleep(1.0)
    assert [("t", ""), ("re", "t"), ("re", "")] == [(one.type, one.replier) for one in sightings.drain()]
    await broker.close()


async def test_without_a_channel_events_are_refused_with_the_reason() -> None:
    """Before it has one, and after it was closed."""
    broker = a_broker()
    broker.unready = "no such config"
    for _ in range(2):
        (error,) = submit(broker, [1])
        assert isinstance(error, ChannelUnavailable)
        assert "no such config" == str(error)
        await broker.close()


async def test_a_channel_that_cannot_be_opened_leaves_the_broker_without_one() -> None:
    """The error is the caller's; opening may be tried again."""

    class Closed(MemoryChannel):
        async def __aenter__(self) -> Self:
            raise ChannelUnavailable("no server")

    broker = a_broker()
    with pytest.raises(ChannelUnavailable):
        await open_broker(broker, Closed(events_max=1, size_max_bytes=1))
    assert broker.channel is None
    await open_broker(broker)
    assert [None] == submit(broker, [1])
    await broker.close()


async def test_a_trigger_gets_what_comes_after_it() -> None:
    """Its counts begin with it, too."""
    broker = await opened()
    submit(broker, [1, 2])
    await asyncio.sleep(1.0)
    sink = ScriptedSink(lambda _: 204)
    broker.replace_triggers({"t": spec(sink)})
    submit(broker, [3])
    await asyncio.sleep(1.0)
    assert (["3"], 2, 3, 1) == (
        sink.ids,
        broker.triggers["t"].judged_before,
        broker.judged,
        broker.triggers["t"].matched,
    )
    await broker.close()


async def test_a_trigger_that_is_the_same_stays_the_same() -> None:
    """And one that is changed keeps its counts."""
    broker = await opened()
    sink = ScriptedSink(lambda _: 204)
    same = spec(sink)
    broker.replace_triggers({"t": same})
    trigger = broker.triggers["t"]
    submit(broker, [1])
    await asyncio.sleep(1.0)
    broker.replace_triggers({"t": same})
    broker.replace_triggers({"t": replace(same, policy=Policy(retry=7))})
    assert (trigger, 1, 7) == (broker.triggers["t"], trigger.delivered, trigger.lane.policy.retry)
    await broker.close()


async def test_a_removed_trigger_holds_nothing_back() -> None:
    """What it had waiting is dropped; what is in flight is acked when it ends, whatever came of it."""
    broker = await opened()
    sink = ScriptedSink()
    broker.replace_triggers({"t": spec(sink)})
    submit(broker, range(10))
    await asyncio.sleep(1.0)
    trigger = broker.triggers["t"]
    broker.replace_triggers({})
    await asyncio.sleep(1.0)
    assert (4, 6, {}) == (held(broker), trigger.dropped, broker.triggers)
    for answer in (204, 503, 400, REPLY):
        sink.end(answer)
    await asyncio.sleep(1.0)
    assert (2, 0, 2) == (trigger.delivered, trigger.in_flight, trigger.dropped - 6)
    assert (0, 1) == (held(broker), broker.replies)
    await broker.close()


async def test_a_hanging_trigger_affects_no_other() -> None:
    """Its backlog fills and overflows; the other gets every event, and producers are never refused."""
    store = a_store()
    broker = await opened(store=store)
    hanging, good = ScriptedSink(), ScriptedSink(lambda _: 204)
    broker.replace_triggers({"hanging": spec(hanging), "good": spec(good)})
    for start in range(0, 3000, 100):
        assert [None] * 100 == submit(broker, range(start, start + 100))
        await asyncio.sleep(0.01)
    assert [str(number) for number in range(3000)] == good.ids
    kept = LIMITS.backlog_events_max + LIMITS.concurrency_max
    assert (kept, 3000 - kept) == (held(broker), broker.triggers["hanging"].dead_lettered)
    assert {("hanging", "backlogfull")} == {
        (letter.address.trigger, letter.reason) for letter in await store.find(ALL_LETTERS, limit=10_000)
    }
    await broker.close()


async def test_replies_are_events_of_the_broker() -> None:
    """Judged by all Triggers, the one that brought them among them; a loop ends with its hops."""
    store = a_store()
    broker = await opened(store=store)
    asking, watching = ScriptedSink(lambda _: REPLY), ScriptedSink(lambda _: 204)
    broker.replace_triggers({"asking": spec(asking), "watching": spec(watching, type="re")})
    submit(broker, [1])
    await asyncio.sleep(1.0)
    assert (254, 254, ["r"] * 254) == (broker.replies, len(asking.sent) - 1, watching.ids)
    assert ["ttlexhausted"] == [letter.reason for letter in await store.find(ALL_LETTERS, limit=10)]
    await broker.close()


async def test_a_broker_can_be_the_sink_of_another() -> None:
    """Without HTTP between; while that one has no channel, the event is retried."""
    first, second = a_broker("first"), a_broker("second")
    sink = ScriptedSink(lambda _: 204)
    second.replace_triggers({"t": spec(sink)})
    first.replace_triggers({"t": spec(BrokerSink("http://self/ns/second", second))})
    await open_broker(first)
    submit(first, [1])
    await asyncio.sleep(0.01)
    assert 1 == first.triggers["t"].retrying
    await open_broker(second)
    await asyncio.sleep(10.0)
    assert (["1"], 0, 255) == (sink.ids, held(first), sink.events[0].ttl)
    await first.close()
    await second.close()


async def test_closing_during_traffic_leaves_nothing_at_work() -> None:
    """What waits is dropped, what is in flight may still end, producers are refused, and twice is once."""
    broker = await opened()
    sink = ScriptedSink(lambda _: 204, delay_s=0.5)
    broker.replace_triggers({"t": spec(sink)})
    trigger = broker.triggers["t"]
    submit(broker, range(1000))
    await asyncio.sleep(0.25)
    submit(broker, range(1000))
    await broker.close()
    assert [True] == [isinstance(error, ChannelUnavailable) for error in submit(broker, [1])]
    await broker.close()
    await asyncio.sleep(10.0)
    assert (4, 0, 0) == (trigger.delivered, trigger.waiting, trigger.in_flight)
    assert trigger.matched == trigger.delivered + trigger.dropped + trigger.dead_lettered
    assert (4, {}) == (len(sink.sent), broker.triggers)


CHANGES = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.one_of(
            st.tuples(st.just("triggers"), st.sets(st.sampled_from("abc"))),
            st.tuples(st.just("answer"), st.sampled_from([204, 503, 400, "reply"])),
            st.tuples(st.just("pass"), st.floats(0.0, 0.5)),
        ),
    ),
    min_size=4,
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(CHANGES)
def test_no_change_under_load_loses_an_event(changes: list[tuple[int, tuple[str, Any]]]) -> None:
    """In any history each event ends once for each Trigger that it was judged by, and leaves the channel."""

    async def history() -> None:
        broker = await opened()
        sink = ScriptedSink(lambda _: 204, delay_s=0.05)
        gone: list[Trigger] = []
        events = 0
        for count, (change, what) in changes:
            submit(broker, range(events, events + count))
            events += count
            if change == "triggers":
                before = dict(broker.triggers)
                broker.replace_triggers({name: spec(sink) for name in what})
                gone += [trigger for name, trigger in before.items() if name not in broker.triggers]
            elif change == "answer":
                sink.answer = saying(REPLY if what == "reply" else what)
            else:
                await asyncio.sleep(what)
            check(broker, gone)
        sink.answer = lambda _: 204
        await asyncio.sleep(100.0)
        check(broker, gone)
        assert events + broker.replies == broker.judged
        assert 0 == held(broker) == sum(trigger.waiting + trigger.in_flight for trigger in broker.triggers.values())
        await broker.close()

    def check(broker: Broker, gone: list[Trigger]) -> None:
        for trigger in [*broker.triggers.values(), *gone]:
            ended = trigger.delivered + trigger.dead_lettered + trigger.dropped
            assert trigger.matched == trigger.waiting + trigger.in_flight + ended

    in_virtual_time(history)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=12))
def test_no_event_is_judged_by_two_versions(counts: list[int]) -> None:
    """Each version replaces two Triggers by two others: an event goes to both of one version, and to no other."""

    async def history() -> None:
        broker = await opened()
        sinks: dict[str, ScriptedSink] = {}
        events = 0
        for version, count in enumerate(counts):
            for side in "xy":
                sinks[f"{side}{version}"] = ScriptedSink(lambda _: 204)
            broker.replace_triggers({name: spec(sinks[name]) for name in (f"x{version}", f"y{version}")})
            submit(broker, range(events, events + count))
            events += count
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.sleep(1.0)
        for version in range(len(counts)):
            assert sinks[f"x{version}"].ids == sinks[f"y{version}"].ids
        seen = Counter(number for name, sink in sinks.items() if name.startswith("x") for number in sink.ids)
        assert {str(number): 1 for number in range(events)} == seen
        await broker.close()

    in_virtual_time(history)
