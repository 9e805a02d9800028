"""One Trigger, or one Subscription of a Channel, at work: the lane to its subscriber, the lane to its dead letter sink,
and what lies at their ends.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from channels.contract import Delivery, Queue, Receipt, Start, Subscription
from channels.dead_letter import Address, AttemptRecord, DeadLetter, DeadLetters
from channels.event import TTL_MAX, Event
from dispatcher.account import Account
from dispatcher.attempt import Attempt
from dispatcher.dead_letter_end import SUFFIX, DeadLetterEnd, Letter, NoSink, origin_of, part_of
from dispatcher.fanout import Taker
from dispatcher.filters import Predicate
from dispatcher.lane import Lane, LaneLimits
from dispatcher.lane_state import LaneState
from dispatcher.manner import DEFAULT, Manner
from dispatcher.outcome import Outcome, Reason, error_attributes
from dispatcher.reply import ReplyErrand, ReplyReceipt
from dispatcher.retry import Policy
from dispatcher.sighting import Sightings
from dispatcher.sink import Sink
from dispatcher.trigger_state import TriggerState, decode, encode
from dispatcher.valve import Valve

Done = Callable[[bool, tuple[AttemptRecord, ...]], None]
"""How a redrive ended: True for delivered; False for failed again, with the attempts that were made."""


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """What a Trigger is to do. `policy` says whether there is a dead letter sink, and whether replies are wanted.
    `start` counts when it is new.
    """

    predicate: Predicate
    sink: Sink
    dead_letter_sink: Sink | None
    policy: Policy
    manner: Manner = DEFAULT
    start: Start = "latest"
    reply: Sink | None = None
    """Where replies are sent that are wanted; None: they are published into the Broker."""


class TriggerHost(Protocol):
    """The Trigger's Broker, or the Subscription's Channel: where its events come from."""

    replies: int
    exit: Valve
    sightings: Sightings | None

    @property
    def judged(self) -> int:
        """Events offered to Triggers so far."""

    def publish_reply(self, event: Event, receipt: Receipt) -> None:
        """Store the event, and tell the receipt. Of Brokers only."""

    def settle(self, delivery: Delivery) -> None:
        """The Trigger owes nothing more for this event."""

    def settle_all(self, deliveries: Sequence[Delivery]) -> None:
        """The Trigger owes nothing more for any of these."""

    def watch(self, delivery: Delivery, do: Callable[[], None]) -> None:
        """Call that when this delivery, which is of no channel, has settled."""

    def touch(self, taker: Taker) -> None:
        """Have the Trigger write itself down whenever something of it is committed, until it is idle."""

    def remember(self, trigger: str, note: bytes | None) -> None:
        """Keep that note about the Trigger of that name, or none any more."""


class Trigger(Account):
    """The owner of its lanes. Lives as long as the resource, whatever is changed about it.

    With `is_shared` other processes have Triggers of this name over the same queues. What the channel remembers of it
    is only that it exists: counters are of this process, and what its sinks are like each process finds out.
    """

    def __init__(
        self,
        key: Address,
        spec: TriggerSpec,
        *,
        broker: TriggerHost,
        dead_letters: DeadLetters,
        limits: LaneLimits,
        subscription: Subscription,
        state: bytes | None,
        judged: int,
        spread: Callable[[], float],
        is_shared: bool = False,
    ) -> None:
        self.key = key
        self.name = key.trigger
        self.spec = spec
        self.settle = broker.settle
        self.is_closed = False
        self._broker = broker
        self._dead_letters = dead_letters
        self._limits = limits
        self._subscription = subscription
        self._spread = spread
        self._is_shared = is_shared
        self._redrives: dict[Delivery, Done] = {}
        self.judged_before: int | None = judged
        """Events the Broker had judged when this Trigger joined its index; None while it catches up."""
        self._judged_alone = 0
        told = TriggerState() if state is None or is_shared else decode(state)
        self.stored = told.stored
        self.redriven = told.redriven
        self._matched_before = self._found = 0
        self.lane = self._create_lane(spec)
        self.offer = self.lane.offer
        self.lane.restore(told.lane)
        self.dead_letter_lane = self._restore_dead_letter_lane(told.dead_letter_lane)
        if is_shared:
            self._found = self.waiting
        else:
            self._matched_before = self._ended - self.redriven + self.waiting
        self._note = state
        if state is None:
            self.write_down()  # from here on it is not new any more

    def _create_lane(self, spec: TriggerSpec) -> Lane:
        return Lane(
            self,
            spec.sink,
            spec.policy,
            self._limits,
            name=self.name,
            subscription=self._subscription,
            manner=spec.manner,
            valve=self._broker.exit,
            spread=self._spread,
            judged=lambda: self._broker.judged,
            holds=self._subscription.holds if self._is_shared else None,
        )

    def update(self, spec: TriggerSpec) -> None:
        """Deliver by another specification from the next attempt on; what was judged before stays judged."""
        self.spec = spec
        sink = spec.dead_letter_sink
        if sink is not None and self.dead_letter_lane is None:
            self.dead_letter_lane = self._create_dead_letter_lane(sink)
        elif self.dead_letter_lane is not None:
            # A dead letter sink that is taken away still gets what was on its way there.
            self.dead_letter_lane.update(sink or self.dead_letter_lane.sink, self._dead_letter_policy, self._pause)
        self.lane.update(spec.sink, spec.policy, spec.manner)

    def hold(self) -> None:
        """Begin nothing more: what is in flight ends, what waits stays in the channel."""
        for lane in self._lanes:
            lane.hold()

    def leave(self) -> None:
        """The process is gone for this Trigger: whatever ends from now on has no consequence."""
        for lane in self._lanes:
            lane.leave()

    def give_way(self) -> None:
        """Other processes are about to take over some of what it has: keep nothing in memory but what is in flight."""
        for lane in self._lanes:
            lane.give_way()

    def go_on(self) -> None:
        """That is over, and nobody said what became of it."""
        for lane in self._lanes:
            lane.go_on()

    def conform(self, queues: Mapping[str, Queue]) -> None:
        """Other processes took over something, or left it: these are its queues that hold something."""
        if self.dead_letter_lane is None and self.name + SUFFIX in queues:
            self.dead_letter_lane = self._create_dead_letter_lane(self.spec.dead_letter_sink or NoSink())
            self._found += self.dead_letter_lane.waiting
        for lane in self._lanes:
            lane.conform(queues)

    def close(self) -> None:
        """The Trigger is gone: nothing is owed any more, nothing remembered."""
        self.is_closed = True
        for lane in self._lanes:
            lane.close()
        self._broker.remember(self.name, None)

    def backfill(self, deliveries: Sequence[Delivery], judged: int) -> None:
        """Of so many events that were judged for it alone these matched: they wait behind all others. The caller acks
        them, in this turn of the event loop.
        """
        self._judged_alone += judged
        self.lane.park(deliveries)
        self._broker.touch(self)

    def redrive(self, letter: DeadLetter, done: Done) -> None:
        """Deliver a stored dead letter to the subscriber, with the attempts of its policy, then call `done`, once.

        It is kept in memory only: in the store it stays until then.
        """
        delivery = Delivery(letter.event, 0, letter.event.size)
        delivery.pending = 1
        self.redriven += 1
        self._redrives[delivery] = done
        self._broker.watch(delivery, partial(self._end_redrive, delivery))
        self._broker.touch(self)
        attempt = Attempt(self.lane, self.lane.sink, delivery, delivery.event)
        attempt.is_redriven = True
        self.lane.keep(attempt)

    @property
    def filtered(self) -> int:
        """Events that its filter turned away, in this process."""
        judged = 0 if self.judged_before is None else self._broker.judged - self.judged_before
        return judged + self._judged_alone - self.lane.matched

    @property
    def is_catching_up(self) -> bool:
        """It still reads what was before it."""
        return self.judged_before is None

    def touch(self) -> None:
        """A lane has taken something out of a queue."""
        self._broker.touch(self)

    def write_down(self) -> None:
        """Let the channel remember the counters and the breakers, if they changed."""
        if self._is_shared and self._note is not None:
            return
        dead = self.dead_letter_lane
        state = TriggerState(
            self.lane.state,
            LaneState() if dead is None else dead.state,
            self.stored,
            self.redriven - len(self._redrives),  # one that is under way is forgotten by a crash
        )
        note = encode(state)
        if note != self._note and not self.is_closed:
            self._note = note
            self._broker.remember(self.name, note)

    # The end of the subscriber's lane.

    def reply(self, attempt: Attempt, event: Event) -> None:
        """Send the reply where replies go, else publish it into the Broker; there the hop is counted, from what the
        delivered event had left.
        """
        event.trace = attempt.event.trace
        if self._broker.sightings is not None:
            self._broker.sightings.notice((event,), self.name)
        if self.spec.reply is not None:
            ReplyErrand(self.lane, attempt).send(event, self.spec.reply)
            return
        left = (TTL_MAX if attempt.event.ttl is None else attempt.event.ttl) - 1
        if left <= 0:
            self.lane.exhaust_ttl(attempt)
        else:
            event.ttl = left
            self._broker.publish_reply(event, ReplyReceipt(self.lane, attempt, self._broker))

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        """To the dead letter sink, or to the store where there is none; a redriven one was never taken out of that."""
        done = self._redrives.pop(attempt.delivery, None)
        if done is not None:
            self.redriven -= 1
            self.settle(attempt.delivery)
            done(False, attempt.history)
        elif self.dead_letter_lane is None or self.spec.dead_letter_sink is None:
            self.store(attempt.delivery, attempt.event, reason, attempt.history)
        else:
            explained = outcome or Outcome(None, {}, b"", reason, 0.0)
            changes = error_attributes(explained, attempt.sink.uri)
            delivery = Letter(attempt.delivery, attempt.event.with_attributes(changes))
            letter = Attempt(self.dead_letter_lane, self.dead_letter_lane.sink, delivery, delivery.event)
            letter.history = attempt.history
            self.dead_letter_lane.keep(letter)

    def overflow(self, deliveries: Sequence[Delivery]) -> None:
        """As `give_up`; short, for where a sink hangs it is the way of every event."""
        if self.spec.dead_letter_sink is None:
            self.stored += len(deliveries)
            self._dead_letters.extend(self.key, "backlogfull", deliveries)
            self._broker.settle_all(deliveries)
            return
        for delivery in deliveries:
            self.give_up(Attempt(self.lane, self.lane.sink, delivery, delivery.event), "backlogfull", None)

    def store(self, delivery: Delivery, event: Event, reason: Reason, history: tuple[AttemptRecord, ...]) -> None:
        """Into the dead letter store; the event is as it was before any dead letter sink was asked."""
        self.stored += 1
        self._dead_letters.add(self.key, reason, event, history)
        self.settle(delivery)

    def _end_redrive(self, delivery: Delivery) -> None:
        """It has settled: delivered, or dropped with the Trigger."""
        done = self._redrives.pop(delivery, None)
        if done is not None:
            done(not self.is_closed, ())

    # The lane to the dead letter sink.

    @property
    def _dead_letter_policy(self) -> Policy:
        return replace(self.spec.policy, has_dead_letter_sink=False, wants_reply=False)

    @property
    def _pause(self) -> Manner:
        return Manner(is_paused=self.spec.manner.is_paused)

    def _restore_dead_letter_lane(self, state: LaneState) -> Lane | None:
        """The lane, where there is a sink, or something that an earlier process left. Without a sink that is stored."""
        sink = self.spec.dead_letter_sink
        if sink is None and state == LaneState() and not self._subscription.queue(self.name + SUFFIX).events:
            return None
        lane = self._create_dead_letter_lane(sink or NoSink())
        lane.restore(state)
        return lane

    def _create_dead_letter_lane(self, sink: Sink) -> Lane:
        return Lane(
            DeadLetterEnd(self),
            sink,
            self._dead_letter_policy,
            part_of(self._limits),
            name=self.name + SUFFIX,
            subscription=self._subscription,
            manner=self._pause,
            spread=self._spread,
            holds=(lambda one: self._subscription.holds(origin_of(one))) if self._is_shared else None,
        )
