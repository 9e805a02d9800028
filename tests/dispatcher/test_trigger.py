"""A Trigger in virtual time: the ways an event may take, and that none is lost on any of them."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Subscription
from channels.event import Event
from dispatcher.attempt import Attempt
from dispatcher.lane import LaneLimits
from tests.dispatcher.play import KEY, SOON, Play, a_group, always
from tests.dispatcher.stage import (
    LIMITS,
    REPLY,
    Answer,
    ScriptedSink,
    a_delivery,
    in_virtual_time,
    outcome,
    positions,
)

pytestmark = pytest.mark.looptime


async def test_what_fails_goes_to_the_dead_letter_sink_and_says_why(group: Subscription) -> None:
    """With the failing address, the status, and the start of the answer; the data is the event's."""
    dead = always(202, uri="http://dead/")
    play = Play(group, always(outcome(500, body=b"oh" * 600)), dead)
    play.offer(ttl=7)
    await asyncio.sleep(1.0)
    (letter,) = dead.events
    assert ("http://sink/", 500, base64.b64encode(b"oh" * 512).decode()) == (
        letter.get("knativeerrordest"),
        letter.get("knativeerrorcode"),
        letter.get("knativeerrordata"),
    )
    assert ("1", 7) == (letter.id, letter.ttl)
    assert (3, 1, 1, 0, 2) == (
        len(play.sink.sent),
        len(dead.sent),
        play.trigger.dead_lettered,
        play.trigger.stored,
        play.trigger.retried,
    )
    play.check()


async def test_no_answer_has_no_code(group: Subscription) -> None:
    """The words for what happened are the data, and an earlier failure's code is gone."""
    dead = always(202, uri="http://dead/")
    play = Play(group, always(outcome(None)), dead)
    event = a_delivery().event.with_attributes({"knativeerrorcode": 404, "knativeerrordest": "http://before/"})
    delivery = a_delivery()
    delivery.event = event
    play.offer_one(delivery)
    await asyncio.sleep(1.0)
    (letter,) = dead.events
    assert ("http://sink/", None, base64.b64encode(b"no answer").decode()) == (
        letter.get("knativeerrordest"),
        letter.get("knativeerrorcode"),
        letter.get("knativeerrordata"),
    )


async def test_the_dead_letter_sink_is_tried_by_the_same_policy(group: Subscription) -> None:
    """Its attempts are counted from one, and its answer is ignored whatever it is."""
    answers = [outcome(503), outcome(503), REPLY]
    dead = ScriptedSink(lambda _: answers.pop(0), uri="http://dead/")
    play = Play(group, always(400), dead)
    play.offer()
    await asyncio.sleep(1.0)
    assert [1, 2, 3] == [number for _, _, number in dead.sent]
    assert ([], 1, 0) == (play.broker.published, play.trigger.dead_lettered, play.trigger.stored)
    play.check()


async def test_what_the_dead_letter_sink_does_not_take_is_kept(group: Subscription) -> None:
    """As it was before, with every attempt at either of them."""
    play = Play(group, always(503), always(500, uri="http://dead/"))
    play.offer()
    await asyncio.sleep(5.0)
    (letter,) = await play.letters()
    assert ("deadlettersinkfailed", KEY) == (letter.reason, letter.address)
    assert letter.event.get("knativeerrordest") is None
    assert [("http://sink/", 503)] * 3 + [("http://dead/", 500)] * 3 == [
        (attempt.destination, attempt.status) for attempt in letter.attempts
    ]
    play.check()


@pytest.mark.parametrize(
    ("answer", "reason", "attempts"),
    [
        (503, "retriesexhausted", 3),
        (400, "refused", 1),
        (replace(REPLY, is_truncated=True), "replytoolarge", 1),
    ],
)
async def test_without_a_dead_letter_sink_it_is_kept(
    group: Subscription, answer: Answer, reason: str, attempts: int
) -> None:
    """With the reason and all attempts."""
    play = Play(group, always(answer))
    play.offer()
    await asyncio.sleep(5.0)
    assert [(reason, attempts)] == [(letter.reason, len(letter.attempts)) for letter in await play.letters()]
    play.check()


@pytest.mark.parametrize(("ttl", "left"), [(None, 254), (255, 254), (2, 1)])
async def test_a_reply_is_published_with_one_hop_less(group: Subscription, ttl: int | None, left: int) -> None:
    """Than the event had that it answers, whose trace it goes on."""
    play = Play(group, always(REPLY))
    delivery = a_delivery(ttl=ttl)
    delivery.event.trace = b"traceparent: 00-1-2-01\r\n"
    play.offer_one(delivery)
    (reply,) = play.broker.published
    assert ("r", "re", b"reply", left, b"traceparent: 00-1-2-01\r\n") == (
        reply.id,
        reply.type,
        reply.data,
        reply.ttl,
        reply.trace,
    )
    assert (1, 1, 1) == (play.broker.replies, play.trigger.lane.replies, play.trigger.delivered)


async def test_a_reply_that_is_not_stored_is_asked_for_again(group: Subscription) -> None:
    """The delivery is retried as a whole; when the Broker has room, both are done."""
    play = Play(group, always(REPLY))
    play.broker.error = RuntimeError("full")
    play.offer()
    assert ([], 1) == (play.broker.settled, play.trigger.retrying)
    play.check()
    play.broker.error = None
    await asyncio.sleep(1.0)
    assert ([1, 2], 1, 1) == ([number for _, _, number in play.sink.sent], play.broker.replies, play.trigger.delivered)
    play.check()


async def test_a_reply_that_would_be_a_hop_too_many_is_a_dead_letter(group: Subscription) -> None:
    """A loop through the Broker ends, and what was in it can be looked at."""
    dead = always(204, uri="http://dead/")
    plays = [Play(group, always(REPLY)), Play(group, always(REPLY), dead)]
    for play in plays:
        play.offer(ttl=1)
        assert ([], 1) == (play.broker.published, play.trigger.dead_lettered)
        play.check()
    assert [["ttlexhausted"], []] == [[letter.reason for letter in await play.letters()] for play in plays]
    assert [base64.b64encode(b"ttlexhausted").decode()] == [event.get("knativeerrordata") for event in dead.events]


async def test_a_full_backlog_is_stored_where_there_is_no_dead_letter_sink(group: Subscription) -> None:
    """Counted, and settled at once: nobody else waits for this Trigger."""
    play = Play(group, ScriptedSink(), limits=replace(LIMITS, window_events_max=2, backlog_events_max=2))
    play.offer(9)
    assert [("backlogfull", number, ()) for number in ("9", "8", "7")] == [
        (letter.reason, letter.event.id, letter.attempts) for letter in await play.letters()
    ]
    assert ([7, 8, 9], 3) == (positions(play.broker.settled), play.trigger.dead_lettered)
    play.check()


async def test_a_full_backlog_goes_to_the_dead_letter_sink_as_far_as_that_keeps_up(group: Subscription) -> None:
    """Its own backlog is a quarter; beyond it events are stored."""
    dead = ScriptedSink(uri="http://dead/")
    play = Play(group, ScriptedSink(), dead, limits=replace(LIMITS, window_events_max=8, backlog_events_max=8))
    play.offer(20)
    assert (["13", "14", "15", "16"], 8 + 2, 8) == (dead.ids, play.trigger.waiting, play.trigger.in_flight)
    assert base64.b64encode(b"backlogfull").decode() == dead.events[0].get("knativeerrordata")
    assert [("backlogfull", number) for number in ("20", "19")] == [
        (x.reason, x.event.id) for x in await play.letters()
    ]
    play.check()


async def test_a_dead_letter_sink_that_is_taken_away_gets_what_was_on_its_way(group: Subscription) -> None:
    """What fails later is stored; one that is given back is used again."""
    dead = ScriptedSink(uri="http://dead/")
    play = Play(group, always(400), dead, limits=replace(LIMITS, concurrency_max=1))
    play.offer(2)
    play.trigger.update(Play.spec_of(play.sink, None, SOON))
    play.offer(1)
    assert (["1"], ["3"]) == (dead.ids, [letter.event.id for letter in await play.letters()])
    other = always(204, uri="http://other/")
    play.trigger.update(Play.spec_of(play.sink, other, SOON))
    play.offer(1)
    dead.end(204)
    await asyncio.sleep(0)
    assert (["2", "4"], 3, 1) == (other.ids, play.trigger.dead_lettered - play.trigger.stored, play.trigger.stored)
    play.check()


async def test_a_dead_letter_names_the_address_that_failed(group: Subscription) -> None:
    """Also where the Trigger has another one by now."""
    dead = always(204, uri="http://dead/")
    old = ScriptedSink(uri="http://old/")
    play = Play(group, old, dead)
    play.offer()
    play.trigger.update(Play.spec_of(ScriptedSink(uri="http://new/"), dead, SOON))
    old.end(400)
    assert ["http://old/"] == [letter.get("knativeerrordest") for letter in dead.events]


async def test_closing_settles_everything(group: Subscription) -> None:
    """Waiting, retrying, in flight at the subscriber or at the dead letter sink."""
    dead = ScriptedSink(uri="http://dead/")
    play = Play(group, ScriptedSink(), dead, limits=replace(LIMITS, concurrency_max=2))
    play.offer(9)
    for _ in range(3):
        play.sink.end(400)
    play.sink.end(503)
    play.check()
    play.trigger.close()
    play.check()
    assert (4, 0, 5) == (play.trigger.in_flight, play.trigger.waiting, play.trigger.dropped)
    play.sink.end(204)
    play.sink.end(503)
    dead.end(204)
    dead.end(503)
    play.check()
    assert (0, 1, 1, 7, 9) == (
        play.trigger.in_flight,
        play.trigger.delivered,
        play.trigger.dead_lettered,
        play.trigger.dropped,
        len(play.broker.settled),
    )


ANSWERS = st.sampled_from([204, 204, 200, 400, 503, None, "hold", "reply", "retry later", "body"])
STEPS = st.one_of(
    st.tuples(st.just("offer"), st.integers(1, 12)),
    st.tuples(st.just("pass"), st.floats(0.01, 3.0)),
    st.tuples(st.just("subscriber"), st.lists(ANSWERS, min_size=1, max_size=4)),
    st.tuples(st.just("dead letter sink"), st.lists(ANSWERS, min_size=1, max_size=4)),
    st.tuples(st.just("end"), st.integers(1, 5)),
    st.tuples(st.just("update"), st.booleans()),
    st.tuples(st.just("broker"), st.booleans()),
)


def in_turn(answers: list[Any]) -> Callable[[Attempt], Answer]:
    """An answer function: these, again and again."""
    said: dict[str | None, Answer] = {
        None: outcome(None),
        "hold": None,
        "reply": REPLY,
        "retry later": outcome(503, headers={b"retry-after": b"5"}),
        "body": outcome(200, body=b"x"),
    }
    count = -1

    def answer(_: Attempt) -> Answer:
        nonlocal count
        count += 1
        chosen = answers[count % len(answers)]
        return chosen if isinstance(chosen, int) else said[chosen]

    return answer


def take(play: Play, sinks: list[ScriptedSink], step: str, what: Any) -> None:
    """One step of a history, but for the passing of time."""
    subscriber, dead = sinks
    if step == "offer":
        play.offer(what, ttl=1 if what == 7 else None)
    elif step == "subscriber":
        subscriber.answer = in_turn(what)
    elif step == "dead letter sink":
        dead.answer = in_turn(what)
    elif step == "end":
        for sink in sinks:
            for attempt in sink.held[:what]:
                sink.end(503, attempt)
    elif step == "update":
        policy = SOON if what else replace(SOON, retry=0)
        play.trigger.update(Play.spec_of(subscriber, dead if what else None, policy))
    else:
        play.broker.error = RuntimeError("full") if what else None


def limits_of(*, durable: bool, **bounds: Any) -> LaneLimits:
    """Bounds of a lane that may hold no more than its window, or as much as the channel takes."""
    events_max, size_max_bytes = bounds["window_events_max"], bounds["window_size_max_bytes"]
    return LaneLimits(
        backlog_events_max=None if durable else events_max,
        backlog_size_max_bytes=None if durable else size_max_bytes,
        **bounds,
    )


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(STEPS, min_size=5, max_size=40),
    first_answers=st.lists(ANSWERS, min_size=1, max_size=4),
    limits=st.builds(
        limits_of,
        durable=st.booleans(),
        concurrency_min=st.just(1),
        concurrency_max=st.integers(1, 4),
        window_events_max=st.integers(1, 12),
        window_size_max_bytes=st.integers(1000, 20_000),
        park_after_s=st.floats(0.0, 1.0),
        breaker_failures=st.integers(1, 50),
        breaker_pause_s=st.floats(0.1, 2.0),
    ),
    has_dead_letter_sink=st.booleans(),
    closes=st.booleans(),
)
def test_nothing_is_lost_and_nothing_is_settled_twice(
    steps: list[tuple[str, Any]], first_answers: list[Any], limits: LaneLimits, has_dead_letter_sink: bool, closes: bool
) -> None:
    """In any history: matched = waiting + in flight + delivered + dead lettered + dropped, at every moment.

    Once both sinks answer well, or the Trigger is removed, everything has ended.
    """

    async def history() -> None:
        async with a_group() as group:
            await live(group)
            assert {} == group.queues

    async def live(group: Subscription) -> None:
        sinks = [ScriptedSink(in_turn(first_answers), uri=uri) for uri in ("http://sink/", "http://dead/")]
        play = Play(group, sinks[0], sinks[1] if has_dead_letter_sink else None, limits=limits)
        for step, what in steps:
            if step == "pass":
                await asyncio.sleep(what)
            else:
                take(play, sinks, step, what)
            play.check()
        if closes:
            play.trigger.close()
            play.check()
        for sink in sinks:
            sink.answer = lambda _: 204
            for attempt in [*sink.held]:
                sink.end(204, attempt)
                play.check()
        await asyncio.sleep(1000.0)
        play.check()
        assert (0, 0) == (play.trigger.waiting, play.trigger.in_flight)

    in_virtual_time(history)


async def test_the_event_of_a_dead_letter_is_another_one(group: Subscription) -> None:
    """The one that other Triggers hold is not changed."""
    dead = always(204, uri="http://dead/")
    play = Play(group, always(400), dead)
    delivery = a_delivery()
    before = Event.from_attributes(delivery.event.attributes)
    play.offer_one(delivery)
    assert delivery.event is not dead.events[0]
    assert before == delivery.event
