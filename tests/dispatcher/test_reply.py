"""A Subscription's replies in virtual time: sent to a sink of their own, part of the delivery until that took them."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

import pytest

from channels.contract import Subscription
from channels.errors import ChannelFull
from channels.event import Event
from dispatcher.sighting import Sighting, Sightings
from dispatcher.sink import BrokerSink
from tests.dispatcher.play import SOON, Play, always
from tests.dispatcher.stage import REPLY, Answer, ScriptedSink, a_delivery, outcome

pytestmark = pytest.mark.looptime


class SubscriptionPlay(Play):
    """A Subscription between a subscriber, a reply destination where one is given, and a dead letter sink."""

    def __init__(
        self, group: Subscription, sink: ScriptedSink, reply: Any, dead_letter_sink: ScriptedSink | None = None
    ) -> None:
        super().__init__(group, sink, dead_letter_sink)
        policy = replace(self.spec.policy, wants_reply=reply is not None)
        self.trigger.update(replace(self.spec, policy=policy, reply=reply))


def a_reply_sink(answer: Answer = 204) -> ScriptedSink:
    return always(answer, uri="http://reply/")


async def test_a_reply_is_sent_to_its_destination(group: Subscription) -> None:
    """With the trace and the hops of the event it answers, and not into the Channel."""
    reply = a_reply_sink()
    play = SubscriptionPlay(group, always(REPLY), reply)
    delivery = a_delivery(ttl=7)
    delivery.event.trace = b"traceparent: 00-1-2-01\r\n"
    play.offer_one(delivery)
    (sent,) = reply.events
    assert ("r", "re", b"reply", 7, b"traceparent: 00-1-2-01\r\n") == (
        sent.id,
        sent.type,
        sent.data,
        sent.ttl,
        sent.trace,
    )
    assert ([], 0, 1, 1) == (
        play.broker.published,
        play.broker.replies,
        play.trigger.lane.replies,
        play.trigger.delivered,
    )


async def test_a_reply_keeps_its_own_hops_where_the_event_has_none(group: Subscription) -> None:
    """The event came by no Broker, the reply perhaps did."""
    reply = a_reply_sink()
    headers = {**REPLY.headers, b"ce-knativebrokerttl": b"3"}
    play = SubscriptionPlay(group, always(outcome(200, headers=headers)), reply)
    play.offer()
    assert [3] == [event.ttl for event in reply.events]


@pytest.mark.parametrize("answer", [200, 202, REPLY, outcome(200, body=b"thanks")])
async def test_what_the_destination_answers_is_ignored(group: Subscription, answer: Answer) -> None:
    """A reply to a reply goes nowhere."""
    reply = a_reply_sink(answer)
    play = SubscriptionPlay(group, always(REPLY), reply)
    play.offer()
    assert (1, 1, 0) == (len(reply.sent), play.trigger.delivered, play.trigger.lane.replies_ignored)
    play.check()


async def test_a_delivery_is_settled_when_its_reply_was_taken(group: Subscription) -> None:
    """Until then it is in flight."""
    reply = ScriptedSink(uri="http://reply/")
    play = SubscriptionPlay(group, always(REPLY), reply)
    play.offer()
    assert ([], 1, 0) == (play.broker.settled, play.trigger.in_flight, play.trigger.delivered)
    play.check()
    reply.end(204)
    assert ([1], 0, 1) == (
        [one.position for one in play.broker.settled],
        play.trigger.in_flight,
        play.trigger.delivered,
    )
    play.check()


async def test_a_delivery_whose_reply_was_not_taken_is_retried_as_a_whole(group: Subscription) -> None:
    """The subscriber is asked again, and its breaker has nothing against it."""
    reply = a_reply_sink(503)
    play = SubscriptionPlay(group, always(REPLY), reply)
    play.offer()
    assert ([], 1) == (play.broker.settled, play.trigger.retrying)
    play.check()
    reply.answer = lambda _: 204
    await asyncio.sleep(1.0)
    assert [1, 2] == [number for _, _, number in play.sink.sent]
    assert (1, 1, 0) == (play.trigger.delivered, play.trigger.lane.replies, play.trigger.lane.breaker.failures)
    play.check()


async def test_a_busy_destination_says_how_long_the_delivery_waits(group: Subscription) -> None:
    """Its Retry-After counts as the subscriber's does."""
    answers = [outcome(429, headers={b"retry-after": b"30"}), outcome(204)]
    reply = ScriptedSink(lambda _: answers.pop(0), uri="http://reply/")
    play = SubscriptionPlay(group, always(REPLY), reply)
    play.offer()
    await asyncio.sleep(60.0)
    assert [0.0, 30.0] == [round(at_s) for at_s, _, _ in play.sink.sent]


@pytest.mark.parametrize(
    ("answer", "attempts", "code"),
    [(503, 3, 503), (400, 1, 400), (outcome(None), 3, None), (replace(outcome(200), error="broke off"), 3, 200)],
)
async def test_a_reply_that_fails_for_good_makes_a_dead_letter_of_its_event(
    group: Subscription, answer: Answer, attempts: int, code: int | None
) -> None:
    """Of the event, not of the reply; it is the reply's destination that failed."""
    dead = always(204, uri="http://dead/")
    play = SubscriptionPlay(group, always(REPLY), a_reply_sink(answer), dead)
    play.offer()
    await asyncio.sleep(5.0)
    (letter,) = dead.events
    assert ("1", "http://reply/", code) == (letter.id, letter.get("knativeerrordest"), letter.get("knativeerrorcode"))
    assert (attempts, 1, 0) == (len(play.sink.sent), play.trigger.dead_lettered, play.trigger.delivered)
    play.check()


async def test_a_stored_dead_letter_tells_which_address_failed_when(group: Subscription) -> None:
    """Attempts that ended at the subscriber, and attempts that ended at the reply's destination."""
    answers = [outcome(503), REPLY, REPLY]
    play = SubscriptionPlay(group, ScriptedSink(lambda _: answers.pop(0)), a_reply_sink(404))
    play.offer()
    await asyncio.sleep(5.0)
    (letter,) = await play.letters()
    assert ("retriesexhausted", [("http://sink/", 503), ("http://reply/", 404), ("http://reply/", 404)]) == (
        letter.reason,
        [(attempt.destination, attempt.status) for attempt in letter.attempts],
    )
    play.check()


@pytest.mark.parametrize("answer", [REPLY, replace(REPLY, is_truncated=True), outcome(200, body=b"thanks")])
async def test_without_a_destination_replies_are_ignored_and_counted(group: Subscription, answer: Answer) -> None:
    """Even one that is too large: nobody wants it."""
    play = SubscriptionPlay(group, always(answer), None)
    play.offer()
    assert ([], 1, 1, 0) == (
        play.broker.published,
        play.trigger.delivered,
        play.trigger.lane.replies_ignored,
        play.trigger.lane.replies,
    )
    play.check()


async def test_closing_while_a_reply_is_on_its_way_settles_once(group: Subscription) -> None:
    """Delivered if it is taken, dropped if not; nothing is tried again."""
    for end, counts in ((204, (1, 0)), (503, (0, 1))):
        reply = ScriptedSink(uri="http://reply/")
        play = SubscriptionPlay(group, always(REPLY), reply)
        play.offer()
        play.trigger.close()
        reply.end(end)
        assert (counts, 1) == ((play.trigger.delivered, play.trigger.dropped), len(play.broker.settled))
        play.check()


class Other:
    """Another Broker of the process."""

    def __init__(self, error: Exception | None = None) -> None:
        self.ttl_max = 255
        self.events: list[Event] = []
        self.error = error

    def submit(self, events: tuple[Event, ...], receipt: Any) -> None:
        if self.error is not None:
            receipt.refused(self.error)
        else:
            self.events += events
            receipt.stored()


async def test_a_reply_to_a_broker_of_this_process_counts_the_hop(group: Subscription) -> None:
    """So a loop through Broker, Channel and Broker ends, and names where it did."""
    other: Any = Other()
    dead = always(204, uri="http://dead/")
    play = SubscriptionPlay(group, always(REPLY), BrokerSink("http://self/ns/o", other), dead)
    play.offer(ttl=7)
    assert [("r", 6)] == [(event.id, event.ttl) for event in other.events]
    play.offer(ttl=1)
    assert [("2", "http://self/ns/o", base64.b64encode(b"ttlexhausted").decode())] == [
        (event.id, event.get("knativeerrordest"), event.get("knativeerrordata")) for event in dead.events
    ]
    assert (1, 1) == (play.trigger.delivered, play.trigger.dead_lettered)
    play.check()


async def test_a_broker_that_is_full_refuses_a_reply_as_over_http(group: Subscription) -> None:
    """503: the delivery is tried again."""
    other: Any = Other(ChannelFull("full"))
    play = SubscriptionPlay(group, always(REPLY), BrokerSink("http://self/ns/o", other))
    play.offer()
    assert 1 == play.trigger.retrying
    play.check()


async def test_a_reply_that_a_broker_does_not_store_says_why(group: Subscription) -> None:
    """In the attempts of the dead letter."""
    play = Play(group, always(REPLY), policy=replace(SOON, retry=0))
    play.broker.error = RuntimeError("full")
    play.offer()
    (letter,) = await play.letters()
    assert [(503, "the reply was not stored: full")] == [(one.status, one.error) for one in letter.attempts]


async def test_the_type_of_a_reply_is_sighted(group: Subscription) -> None:
    """As one that this Trigger, or Subscription, replies with."""
    for play in (Play(group, always(REPLY)), SubscriptionPlay(group, always(REPLY), a_reply_sink())):
        play.broker.sightings = Sightings(lambda: None)
        play.offer()
        assert [Sighting("re", "/reply", "", "1.0", "t")] == play.broker.sightings.drain()
