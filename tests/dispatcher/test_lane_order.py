"""A lane that keeps order by key: one of a key at a time, in order, whatever fails, waits, is parked or dies."""

import asyncio
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Delivery, Subscription
from channels.event import Event
from channels.memory import MemoryChannel
from dispatcher.attempt import Attempt
from dispatcher.depot import BLOCKED_KEYS_MAX, DEPTH_MAX
from dispatcher.lane import Lane
from dispatcher.manner import DEFAULT, Manner, Order
from dispatcher.retry import Policy
from tests.dispatcher.stage import DURABLE, LIMITS, Answer, Owner, ScriptedSink, a_lane, in_virtual_time
from tests.dispatcher.street import DiceSink, Street

pytestmark = pytest.mark.looptime
ORDERED = Manner(order=Order())
FAR = Policy(retry=3, backoff_policy="linear", backoff_delay_s=10.0)
SOON = Policy(retry=3, backoff_policy="linear", backoff_delay_s=0.1)


def keyed(number: int, key: str, **attributes: str) -> Delivery:
    found = {"id": str(number), "source": "/s", "type": "t", "subject": key, **attributes}
    delivery = Delivery(Event.from_attributes(found, None), number, 100)
    delivery.pending = 1
    return delivery


def offer(lane: Lane, keys: str, *, first: int = 1) -> None:
    """One event for each letter, which is its key."""
    lane.offer([keyed(number, key) for number, key in enumerate(keys, first)])


def ordered(sink: ScriptedSink, group: Subscription, policy: Policy = FAR, **limits: Any) -> tuple[Lane, Owner]:
    return a_lane(sink, policy, replace(DURABLE, **limits), group=group, manner=ORDERED)


def failing(*ids: str) -> ScriptedSink:
    """Fails the first attempt of these, takes everything else."""

    def answer(attempt: Attempt) -> Answer:
        return 503 if attempt.event.id in ids and attempt.number == 1 else 204

    return ScriptedSink(answer)


async def test_of_a_key_one_is_in_flight_and_other_keys_flow(group: Subscription) -> None:
    sink = ScriptedSink()
    lane, _ = ordered(sink, group)
    offer(lane, "aaabac")
    assert (["1", "4", "6"], 3, 3) == (sink.ids, lane.in_flight, lane.waiting)
    sink.end(204)
    await asyncio.sleep(0)
    assert ["2"] == sink.ids[3:]
    while sink.held:
        sink.end(204)
        await asyncio.sleep(0)
    assert (["1", "4", "6", "2", "3", "5"], 0) == (sink.ids, lane.waiting)


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        (Order(), ("one", "two", "two")),
        (Order("type"), ("one", "t", "t")),
        (Order("nothing"), ("one", "", "")),
    ],
)
def test_the_key_is_the_partition_key_or_an_attribute(order: Order, keys: tuple[str, ...]) -> None:
    events = [keyed(1, "two", partitionkey="one").event, keyed(2, "two").event, keyed(3, "two").event]
    assert keys == tuple(order.key(event) for event in events)


async def test_a_head_that_is_retried_soon_holds_its_key_in_memory(group: Subscription) -> None:
    sink = failing("1")
    lane, _ = ordered(sink, group, SOON)
    offer(lane, "aba")
    assert (["1", "2"], 2, 0, 0) == (sink.ids, lane.waiting, lane.parked, lane.blocked_keys)
    await asyncio.sleep(1.0)
    assert ["1", "2", "1", "3"] == sink.ids


async def test_a_head_that_is_retried_later_is_parked_with_those_behind_it(group: Subscription) -> None:
    """And with those that come; other keys flow, and nothing of it is in memory."""
    sink = failing("1")
    lane, owner = ordered(sink, group)
    offer(lane, "abaca")
    offer(lane, "ab", first=6)
    assert (["1", "2", "4", "7"], 4, 4, 1) == (sink.ids, lane.waiting, lane.parked, lane.blocked_keys)
    assert ["lane#a"] == [*group.queues]
    assert 7 == len(owner.settled)
    await asyncio.sleep(9.9)
    assert 4 == len(sink.sent)
    await asyncio.sleep(1.0)
    assert (["1", "3", "5", "6"], 0, 0) == (sink.ids[4:], lane.waiting, lane.blocked_keys)
    assert [2] == [number for _, identity, number in sink.sent[4:] if identity == "1"]


async def test_what_comes_while_a_keys_queue_is_worked_off_goes_behind_it(group: Subscription) -> None:
    sink = failing("1")
    lane, _ = ordered(sink, group)
    offer(lane, "a" * 100)
    sink.answer = lambda _: None
    await asyncio.sleep(11.0)
    offer(lane, "a" * 10, first=101)
    assert (["1"], 109) == (sink.ids[1:], lane.waiting)
    sink.answer = lambda _: 204
    sink.end(204)
    await asyncio.sleep(1.0)
    assert [str(number) for number in range(1, 111)] == sink.ids[1:]
    assert (0, {}) == (lane.waiting, group.queues)


async def test_a_head_that_is_given_up_frees_its_key(group: Subscription) -> None:
    sink = ScriptedSink(lambda attempt: 400 if attempt.event.id == "1" else 204)
    lane, owner = ordered(sink, group)
    offer(lane, "aa")
    await asyncio.sleep(0)
    assert (["1", "2"], ["1"]) == (sink.ids, [attempt.event.id for attempt, _, _ in owner.given_up])


async def test_a_hop_too_many_frees_its_key(group: Subscription) -> None:
    sink = ScriptedSink()
    lane, _ = ordered(sink, group)
    offer(lane, "aa")
    lane.exhaust_ttl(sink.held.pop())
    await asyncio.sleep(0)
    assert ["1", "2"] == sink.ids


async def test_what_does_not_fit_goes_to_the_ordered_queue_and_what_comes_behind_it(group: Subscription) -> None:
    """Though there is room again: nothing overtakes what waits there."""
    sink = ScriptedSink()
    lane, _ = ordered(sink, group, window_events_max=2, concurrency_max=1)
    offer(lane, "abcde")
    assert (["1"], 4, 2) == (sink.ids, lane.waiting, lane.parked)
    assert ["lane/ordered"] == [*group.queues]
    sink.answer = lambda _: 204
    sink.end(204)
    offer(lane, "d", first=6)
    await asyncio.sleep(1.0)
    assert (["1", "2", "3", "4", "5", "6"], 0) == (sink.ids, lane.waiting)


async def test_a_key_with_much_behind_a_head_that_fails_leaves_its_room_to_others(group: Subscription) -> None:
    """However soon the retry is."""
    sink = failing("1")
    lane, _ = ordered(sink, group, SOON)
    sink.answer = lambda _: None
    offer(lane, "a" * (DEPTH_MAX + 1))
    assert (DEPTH_MAX, 0) == (lane.waiting, lane.parked)
    sink.end(503)
    assert (DEPTH_MAX + 1, DEPTH_MAX + 1, 1) == (lane.waiting, lane.parked, lane.blocked_keys)
    sink.answer = lambda _: 204
    await asyncio.sleep(1.0)
    assert [str(number) for number in range(1, DEPTH_MAX + 2)] == sink.ids[1:]


async def test_too_many_blocked_keys_block_the_lane(group: Subscription) -> None:
    """Whose first event has failed may come again; then everything goes on."""
    sink = ScriptedSink(lambda attempt: 503 if attempt.number == 1 else 204)
    lane, _ = ordered(sink, group, window_events_max=10_000, breaker_failures=10**6)
    total = BLOCKED_KEYS_MAX + 500
    lane.offer([keyed(number, f"k{number}") for number in range(total)])
    assert (BLOCKED_KEYS_MAX, total) == (lane.blocked_keys, lane.waiting)
    assert len(sink.sent) <= BLOCKED_KEYS_MAX + DURABLE.concurrency_max
    await asyncio.sleep(60.0)
    assert (0, 0, total, 2 * total) == (lane.blocked_keys, lane.waiting, lane.done, len(sink.sent))


async def test_without_a_durable_channel_a_key_waits_in_memory(group: Subscription) -> None:
    """And what does not fit is the owner's again."""
    sink = failing("1")
    lane, owner = a_lane(sink, FAR, replace(LIMITS, window_events_max=3), group=group, manner=ORDERED)
    offer(lane, "aabaaa")
    assert (["1", "3"], 3, 0) == (sink.ids, lane.waiting, lane.parked)
    assert [5, 6] == [delivery.position for delivery in owner.overflown]
    await asyncio.sleep(11.0)
    assert ["1", "2", "4"] == sink.ids[2:]


async def test_an_open_breaker_keeps_the_order_of_what_it_parks(group: Subscription) -> None:
    is_well = False
    sink = ScriptedSink(lambda _: 204 if is_well else 503)
    lane, _ = ordered(sink, group, replace(SOON, retry=1000), breaker_failures=3)
    offer(lane, "aabbab")
    await asyncio.sleep(0.5)
    offer(lane, "abc", first=7)
    assert ("open", 9, 9) == (lane.breaker.state, lane.waiting, lane.parked)
    sink.sent.clear()
    is_well = True
    await asyncio.sleep(30.0)
    for key in ({"1", "2", "5", "7"}, {"3", "4", "6", "8"}):
        assert sorted(key) == [identity for identity in sink.ids if identity in key]
    assert (0, {}) == (lane.waiting, group.queues)


async def test_another_process_waits_until_the_log_has_given_out_again_what_is_older(group: Subscription) -> None:
    """Parked is what did not fit; what was in memory comes from the log once more."""
    sink, judged = ScriptedSink(lambda _: 204), 0
    group.queue("lane/ordered", is_ordered=True).park([keyed(3, "a")])
    lag = LaggingGroup(group)
    lane = Lane(Owner(group), sink, SOON, DURABLE, name="lane", subscription=lag, manner=ORDERED, judged=lambda: judged)
    await asyncio.sleep(5.0)
    assert (1, []) == (lane.waiting, sink.ids)
    lane.offer([keyed(1, "a"), keyed(2, "a")])
    judged = 2
    await asyncio.sleep(1.0)
    assert (["1", "2", "3"], 0) == (sink.ids, lane.waiting)


class LaggingGroup:
    """Two events have still to be received."""

    lag = 2

    def __init__(self, group: Subscription) -> None:
        self.queue = group.queue
        self.queues = group.queues


async def test_keys_are_blocked_after_a_restart_by_what_is_in_their_queues(group: Subscription) -> None:
    group.queue("lane#a", is_ordered=True).park([keyed(1, "a")], after_s=10.0, attempts=1)
    sink = ScriptedSink(lambda _: 204)
    lane, _ = ordered(sink, group)
    offer(lane, "ab", first=2)
    assert (["3"], 1, 2) == (sink.ids, lane.blocked_keys, lane.parked)
    await asyncio.sleep(11.0)
    assert [("3", 1), ("1", 2), ("2", 1)] == [(identity, number) for _, identity, number in sink.sent]


async def test_a_lane_that_keeps_no_order_any_more_works_off_what_was_parked_in_order(group: Subscription) -> None:
    sink = failing("1")
    lane, _ = ordered(sink, group, window_events_max=2, concurrency_max=1)
    offer(lane, "aabb")
    sink.answer = lambda _: None
    offer(lane, "cdefg", first=5)
    assert lane.parked > 0
    lane.update(sink, FAR, DEFAULT)
    sink.answer = lambda _: 204
    while sink.held:
        sink.end(204)
        await asyncio.sleep(0)
    await asyncio.sleep(20.0)
    assert (0, 9, {}) == (lane.waiting, lane.done, group.queues)


async def test_a_lane_that_begins_to_keep_order_keeps_it_for_what_waits(group: Subscription) -> None:
    sink = ScriptedSink()
    lane, _ = a_lane(sink, FAR, replace(DURABLE, concurrency_max=1), group=group)
    offer(lane, "zaab")
    lane.update(sink, FAR, ORDERED)
    sink.end(204)
    await asyncio.sleep(0)
    lane.update(sink, FAR, replace(ORDERED, concurrency=4))
    assert (["1", "2", "4"], 1) == (sink.ids, lane.waiting)


async def test_a_redriven_one_has_no_key(group: Subscription) -> None:
    """It is out of order anyhow: it waits for nobody, and nobody for it."""
    sink = ScriptedSink()
    lane, _ = ordered(sink, group)
    offer(lane, "aa")
    redriven = Attempt(lane, sink, keyed(9, "a"), keyed(9, "a").event)
    redriven.is_redriven = True
    lane.keep(redriven)
    assert ["1", "9"] == sink.ids
    sink.end(503)
    sink.end(503)
    assert (2, 1, 1) == (lane.parked, lane.waiting - lane.parked, lane.blocked_keys)


@pytest.mark.looptime(enabled=False)
@given(st.integers(0, 2**32), st.lists(st.sampled_from("ppppppwwkahsu"), max_size=30))
@settings(max_examples=15, deadline=None)
def test_whatever_happens_a_key_is_delivered_in_order(seed: int, steps: list[str]) -> None:
    """Offers, failures, parking, restarts, pauses, an open breaker: of each key no event begins before those older than
    it have ended, one is in flight at a time, nothing is lost, and the counters balance.
    """
    in_virtual_time(lambda: play(Random(seed), steps))


async def play(dice: Random, steps: list[str]) -> None:
    answers = dice.choice([(204,), (204, 204, 503), (503,), (204, 400, 429)])
    sink = DiceSink(dice, answers, dice.choice([(0.0, 0.001), (0.0, 0.01), (0.01, 2.0)]))
    policy = Policy(
        retry=dice.choice([0, 1, 1000]),
        backoff_policy="linear",
        backoff_delay_s=dice.choice([0.0, 0.05, 2.0]),
        backoff_max_s=dice.choice([3.0, 20.0]),
    )
    limits = replace(
        DURABLE,
        concurrency_min=1,
        concurrency_max=dice.choice([1, 2, 16]),
        window_events_max=dice.choice([1, 2, 16, 1000]),
        window_size_max_bytes=dice.choice([10**6, 1000]),
        breaker_failures=dice.choice([2, 1000]),
        park_after_s=dice.choice([0.0, 1.0]),
    )
    channel = MemoryChannel(events_max=10**6, size_max_bytes=10**9)
    street = Street(channel, sink, policy, limits, replace(ORDERED, rate=dice.choice([None, None, 20.0])))
    async with channel:
        await street.begin()
        for step in steps:
            await take(street, dice, step)
            street.check_balance()
        await street.drain()
        street.check_order()
        await street.kill()


async def take(street: Street, dice: Random, step: str) -> None:
    match step:
        case "p":
            keys = [f"k{dice.randrange(dice.choice([1, 3, 40]))}" for _ in range(dice.choice([1, 10, 130]))]
            await street.publish(keys)
        case "w":
            await asyncio.sleep(dice.choice([0.0, 0.001, 0.1, 10.0]))
        case "k":
            await street.kill()
            await street.begin()
        case "h":
            street.lane.hold()
            await asyncio.sleep(dice.choice([0.0, 1.0]))
            await street.kill()
            await street.begin()
        case "a":
            street.sink.answers = dice.choice([(204,), (204, 503), (503,)])
        case _:
            street.manner = replace(street.manner, is_paused=step == "s")
            street.lane.update(street.sink, street.policy, street.manner)
