"""A Trigger in virtual time: what it keeps in queues, what it remembers, and dead letters that come once more."""

import asyncio
from dataclasses import replace

import pytest

from channels.contract import Subscription
from channels.dead_letter import DeadLetter
from dispatcher.manner import Manner
from dispatcher.retry import Policy
from tests.dispatcher.play import KEY, SOON, Play, always
from tests.dispatcher.stage import LIMITS, ScriptedSink, a_delivery, outcome, positions, saying

pytestmark = pytest.mark.looptime
DURABLE = replace(LIMITS, backlog_events_max=None, backlog_size_max_bytes=None)
LATER = Policy(retry=2, backoff_policy="linear", backoff_delay_s=5.0)


# What waits in queues, and what is remembered.


async def test_a_dead_letter_can_be_parked(group: Subscription) -> None:
    """With what it says, and its attempts; the event that it was made of is settled, and it comes when it is due."""
    dead = always(503, uri="http://dead/")
    play = Play(group, always(400), dead, policy=LATER, limits=DURABLE)
    play.offer()
    assert (1, 1, [1]) == (play.trigger.parked, play.trigger.waiting, positions(play.broker.settled))
    assert ["t/deadletter"] == [*group.queues]
    play.check()
    dead.answer = saying(204)
    await asyncio.sleep(20.0)
    assert [("http://sink/", 400), ("http://sink/", 400)] == [
        (event.get("knativeerrordest"), event.get("knativeerrorcode")) for event in dead.events
    ]
    assert ([1, 2], 1, 0) == ([number for _, _, number in dead.sent], play.trigger.dead_lettered, play.trigger.stored)
    assert {} == group.queues
    play.check()


async def test_a_parked_dead_letter_that_fails_for_good_is_stored_as_the_event_it_was(group: Subscription) -> None:
    play = Play(group, always(400), always(503, uri="http://dead/"), policy=LATER, limits=DURABLE)
    play.offer()
    await asyncio.sleep(100.0)
    (letter,) = await play.letters()
    assert ("deadlettersinkfailed", a_delivery().event) == (letter.reason, letter.event)
    assert [("http://sink/", 400)] + [("http://dead/", 503)] * 3 == [
        (attempt.destination, attempt.status) for attempt in letter.attempts
    ]
    play.check()


async def test_the_next_process_goes_on_with_what_is_parked(group: Subscription) -> None:
    """And with the counters: what was matched is known by what became of it."""
    sink, dead = always(503), always(204, uri="http://dead/")
    first = Play(group, sink, dead, policy=LATER, limits=DURABLE)
    first.offer(3)
    sink.answer = saying(400)
    first.offer(2)
    sink.answer = saying(204)
    first.offer(4)
    first.trigger.write_down()
    first.trigger.hold()
    assert (9, 3, 2, 4) == (
        first.trigger.matched,
        first.trigger.parked,
        first.trigger.dead_lettered,
        first.trigger.delivered,
    )
    second = Play(group, sink, dead, policy=LATER, limits=DURABLE, broker=first.broker)
    second._offered = 9
    second.check()
    await asyncio.sleep(20.0)
    assert (9, 0, 2, 7) == (
        second.trigger.matched,
        second.trigger.waiting,
        second.trigger.dead_lettered,
        second.trigger.delivered,
    )
    assert [2, 2, 2] == [number for _, _, number in sink.sent[-3:]]
    second.check()


@pytest.mark.parametrize("is_counted", [True, False])
async def test_a_dead_letter_sink_that_was_taken_away_between_two_processes_leaves_letters_to_the_store(
    group: Subscription, is_counted: bool
) -> None:
    """For nobody knows it any more."""
    dead = always(204, uri="http://dead/")
    first = Play(group, always(400), dead, policy=LATER, limits=DURABLE)
    if is_counted:
        first.offer()
    dead.answer = saying(503)
    first.offer()
    first.trigger.write_down()
    first.trigger.hold()
    second = Play(group, always(204), None, policy=LATER, limits=DURABLE, broker=first.broker)
    await asyncio.sleep(20.0)
    (letter,) = await second.letters()
    assert ("deadlettersinkfailed", "the Trigger has no dead letter sink any more") == (
        letter.reason,
        letter.attempts[-1].error,
    )
    assert (1 + is_counted, 0) == (second.trigger.dead_lettered, second.trigger.balance)


async def test_a_trigger_is_new_once(group: Subscription) -> None:
    """It is remembered from the start, and again only where something has changed."""
    play = Play(group, always(204))
    note = play.broker.notes["t"]
    play.broker.notes.clear()
    play.trigger.write_down()
    assert {} == play.broker.notes
    play.offer()
    play.trigger.write_down()
    assert note != play.broker.notes["t"]


async def test_a_trigger_is_idle_while_all_it_holds_is_parked(group: Subscription) -> None:
    """Whatever is taken out of a queue is something to write down again."""
    sink = ScriptedSink()
    play = Play(group, sink, policy=LATER, limits=DURABLE)
    assert play.trigger.is_idle
    play.offer()
    assert not play.trigger.is_idle
    sink.end(503)
    assert play.trigger.is_idle
    touched = play.broker.touched
    await asyncio.sleep(20.0)
    assert (False, touched + 1) == (play.trigger.is_idle, play.broker.touched)


async def test_a_trigger_that_is_removed_is_forgotten(group: Subscription) -> None:
    """With all its queues, and whatever is written down later."""
    sink, dead = always(503), always(503, uri="http://dead/")
    play = Play(group, sink, dead, policy=LATER, limits=DURABLE)
    play.offer(3)
    sink.answer = saying(400)
    play.offer(2)
    play.trigger.close()
    play.trigger.write_down()
    assert ({}, {}, 5) == (group.queues, play.broker.notes, play.trigger.dropped)
    play.check()


async def test_a_paused_trigger_sends_nothing(group: Subscription) -> None:
    """Not to the dead letter sink either; it goes on where it stopped."""
    sink, dead = always(204), ScriptedSink(uri="http://dead/")
    play = Play(group, sink, dead, limits=DURABLE, manner=Manner(is_paused=True))
    play.offer(5)
    assert ([], 5, 5) == (sink.ids, play.trigger.parked, len(play.broker.settled))
    play.trigger.update(Play.spec_of(sink, dead, SOON))
    await asyncio.sleep(1.0)
    assert (["1", "2", "3", "4", "5"], 5, 0) == (sorted(sink.ids), play.trigger.delivered, play.trigger.waiting)
    play.check()


async def test_what_was_read_for_it_alone_waits_in_its_queue(group: Subscription) -> None:
    """It is neither offered nor settled here; what its filter turned away is counted as ever."""
    sink = always(204)
    play = Play(group, sink, limits=DURABLE)
    play.trigger.judged_before = None
    play.trigger.backfill([a_delivery(1), a_delivery(2)], 5)
    assert (2, 3, 2) == (play.trigger.matched, play.trigger.filtered, play.trigger.parked)
    play.broker.judged = play.trigger.judged_before = 7
    await asyncio.sleep(1.0)
    play.broker.judged = 9
    assert (["1", "2"], 5, []) == (
        sink.ids,
        play.trigger.filtered,
        [one for one in play.broker.settled if one.position > 2],
    )
    assert 0 == play.trigger.balance


# Dead letters once more.


class Redrive:
    """One dead letter, and how its redrives ended."""

    def __init__(self, play: Play, number: int = 7) -> None:
        self.ends: list[tuple[bool, int]] = []
        self.letter = DeadLetter("1", 0.0, KEY, "refused", a_delivery(number).event, ())
        self._play = play

    def begin(self) -> None:
        self._play.trigger.redrive(self.letter, lambda is_delivered, made: self.ends.append((is_delivered, len(made))))


async def test_a_redriven_letter_is_delivered_to_the_subscriber(group: Subscription) -> None:
    """With the attempts of its policy; it is counted as redriven and as delivered, and settled with nobody."""
    answers = [outcome(503), outcome(503), 204]
    play = Play(group, ScriptedSink(lambda _: answers.pop(0)))
    redrive = Redrive(play)
    redrive.begin()
    assert ([], 1, 1) == (redrive.ends, play.trigger.redriven, play.trigger.waiting)
    play.check()
    await asyncio.sleep(1.0)
    assert ([(True, 0)], [], ["7"] * 3) == (redrive.ends, play.broker.settled, play.sink.ids)
    assert (1, 1, 0) == (play.trigger.redriven, play.trigger.delivered, play.trigger.dead_lettered)
    play.check()


async def test_a_redriven_letter_that_fails_again_is_no_second_dead_letter(group: Subscription) -> None:
    """It is given back with its attempts, whether or not there is a dead letter sink."""
    dead = always(204, uri="http://dead/")
    for play in (Play(group, always(503), dead), Play(group, always(503))):
        redrive = Redrive(play)
        redrive.begin()
        await asyncio.sleep(1.0)
        assert ([(False, 3)], []) == (redrive.ends, dead.ids)
        assert (0, 0, 0, []) == (
            play.trigger.redriven,
            play.trigger.dead_lettered,
            play.trigger.waiting,
            await play.letters(),
        )
        play.check()


async def test_a_redriven_letter_is_never_parked(group: Subscription) -> None:
    """In the store it is until it ends: in a queue it would be a second time."""
    sink = always(503)
    play = Play(group, sink, policy=LATER, limits=DURABLE, manner=Manner(is_paused=True))
    redrive = Redrive(play)
    redrive.begin()
    assert ([], 1, {}) == (sink.ids, play.trigger.waiting, group.queues)
    play.trigger.update(Play.spec_of(sink, None, LATER))
    await asyncio.sleep(1.0)
    assert (["7"], 1, {}) == (sink.ids, play.trigger.retrying, group.queues)
    sink.answer = saying(204)
    await asyncio.sleep(20.0)
    assert [(True, 0)] == redrive.ends
    play.check()


async def test_a_redrive_under_way_is_not_remembered(group: Subscription) -> None:
    """A process that ends before it does has never begun it."""
    sink = ScriptedSink()
    first = Play(group, sink)
    Redrive(first).begin()
    Redrive(first).begin()
    sink.end(204)
    first.trigger.write_down()
    assert 2 == first.trigger.redriven
    second = Play(group, sink, broker=first.broker)
    assert (1, 1, 0) == (second.trigger.redriven, second.trigger.delivered, second.trigger.matched)
    second.check()


async def test_a_redrive_ends_as_failed_where_the_trigger_is_removed(group: Subscription) -> None:
    """Waiting or in flight: better a dead letter too many than one too few."""
    sink = ScriptedSink()
    play = Play(group, sink, limits=replace(LIMITS, concurrency_max=1))
    redrives = [Redrive(play), Redrive(play)]
    for redrive in redrives:
        redrive.begin()
    play.trigger.close()
    assert [[], [(False, 0)]] == [redrive.ends for redrive in redrives]
    sink.end(204)
    assert [(False, 0)] == redrives[0].ends
    play.check()
