"""The lane of one sink: its own bounded buffer, its own limit in flight, its own retries and circuit breaker.

A sink that is dead, slow or lying fills its own lane and nobody else's. The lane carries out what `outcome.decide`
says; what happens to an event at its end is for the lane's owner. What is not sent at once is the depot's.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

from channels.contract import Delivery, Queue, Subscription
from channels.dead_letter import ANSWER_MAX_BYTES, AttemptRecord
from channels.event import Event
from dispatcher.attempt import Attempt
from dispatcher.breaker import Breaker, is_failure
from dispatcher.depot import Depot
from dispatcher.jitter import draw_spread
from dispatcher.lane_state import LATENCY_BOUNDS_S, LaneLimits, LaneOwner, LaneState
from dispatcher.manner import DEFAULT, Manner
from dispatcher.outcome import DeadLetter, Done, Exhausted, Outcome, Reason, Retry, decide
from dispatcher.pace import is_congestion
from dispatcher.parking import Parking
from dispatcher.replay import Replay
from dispatcher.retry import Policy
from dispatcher.sender import BEHIND_PART, Sender
from dispatcher.sink import Sink
from dispatcher.valve import Valve

__all__ = ["LATENCY_BOUNDS_S", "Lane", "LaneLimits", "LaneOwner", "LaneState"]


class Lane(Sender):
    """One sink's lane. All counters grow only; `in_flight` and `waiting` say what is held.

    What entered is, at every moment, waiting, in flight, done, dropped, or with the owner (`give_up`, `overflow`).
    A sink may answer before its `send` returns.
    """

    __slots__ = ("_replay", "_settle", "_spread", "dropped", "matched", "replies", "replies_ignored")

    def __init__(
        self,
        owner: LaneOwner,
        sink: Sink,
        policy: Policy,
        limits: LaneLimits,
        *,
        name: str,
        subscription: Subscription,
        manner: Manner = DEFAULT,
        valve: Valve | None = None,
        spread: Callable[[], float] = draw_spread,
        judged: Callable[[], int] | None = None,
        holds: Callable[[Delivery], bool] | None = None,
    ) -> None:
        """`judged` counts the events that the fan out has offered to whom they matched; without it an ordered lane that
        finds parked events waits until the fan out has nothing to read. `holds` says whether a delivery was not taken
        over by another process; without it none ever is.
        """
        now_s = asyncio.get_running_loop().time
        self._replay = Replay(subscription, judged)
        parking = Parking(subscription, name, now_s=now_s, is_replayed=self._replay.is_over)
        depot = Depot(self, owner, limits, parking)
        super().__init__(owner, sink, policy, limits, depot, name=name, manner=manner, valve=valve, holds=holds)
        self.matched = 0
        """Events that were offered, or parked by `park`."""
        self.dropped = 0
        """Events that were waiting, or failed, when the lane was closed."""
        self.replies = 0
        self.replies_ignored = 0
        self._settle = owner.settle
        self._spread = spread
        self.pump()

    @property
    def waiting(self) -> int:
        """Events held that are not in flight, those that wait for a retry among them, and those parked."""
        return len(self._waiting) + self._depot.parking.events

    @property
    def parked(self) -> int:
        """Those of the waiting that are in the channel's queues."""
        return self._depot.parking.events

    @property
    def retrying(self) -> int:
        """Events that wait for their retry to be due, and then for their turn."""
        return len(self._waiting.retries) + self._depot.parking.retries

    @property
    def blocked_keys(self) -> int:
        """Keys that wait for their head, and are parked with it."""
        return len(self._depot.parking.keys)

    @property
    def adopted(self) -> int:
        """Events that other processes had parked, and left to this one since the lane began."""
        return self._depot.parking.adopted

    @property
    def ceded(self) -> int:
        """Events that other processes took over: parked ones, waiting ones, and those that failed here after it."""
        return self._depot.parking.ceded + self._depot.ceded

    @property
    def state(self) -> LaneState:
        """What the next process is to know."""
        failures, is_open = self.breaker.failures, not self.breaker.is_closed
        return LaneState(self.done, self.dropped, self.retried, self.replies, self.replies_ignored, failures, is_open)

    def restore(self, state: LaneState) -> None:
        """Go on where the process before this one ended."""
        self.done, self.dropped, self.retried = state.done, state.dropped, state.retried
        self.replies, self.replies_ignored = state.replies, state.replies_ignored
        if state.is_open:
            self.breaker.reopen(state.failures, self._now_s())
        self._pace.skip(state.done)
        if state.is_open or self._depot.parking.events:
            self._start_slowly()
        self._measure()
        self.pump()

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        """Take events that matched: send each now, keep it for later, or hand it back where there is no room."""
        self.matched += len(deliveries)
        sink = self.sink
        for place, delivery in enumerate(deliveries):
            if self.in_flight < self._fast_limit and self.breaker.is_closed and not self._ready:
                self.in_flight += 1
                sink.send(Attempt(self, sink, delivery, delivery.event))
            elif self._may_wait:
                self._wait(Attempt(self, sink, delivery, delivery.event))
            else:
                self._take_in(deliveries[place:])
                break
        if self._ready and self._brake is not None and not self._brake.is_on and self._is_behind(BEHIND_PART):
            self._brake.pull()

    def keep(self, attempt: Attempt) -> None:
        """Put an attempt behind those that wait, or give it up where there is no room. A redriven one has its room."""
        if attempt.is_redriven or self._may_wait:
            self._wait(attempt)
        elif not self._depot.put_away(attempt, 0.0, is_far=True):
            self._give_up(attempt, "backlogfull", None)
        self.pump()

    def park(self, deliveries: Sequence[Delivery]) -> None:
        """Take events that matched, to be sent when those parked before them were. The caller has them settled."""
        self.matched += len(deliveries)
        if deliveries:
            self._depot.park_new(deliveries)
            self._refill()

    def update(self, sink: Sink, policy: Policy, manner: Manner = DEFAULT) -> None:
        """From the next attempt on, send there, by this policy and in this manner."""
        if sink.uri != self.sink.uri:  # what another address did says nothing about this one
            self.breaker = Breaker(self._limits.breaker_failures, self._limits.breaker_pause_s)
        self.sink = sink
        self.policy = policy
        if manner != self._manner:
            self._apply(manner)
        self.pump()

    def give_way(self) -> None:
        """Park all that waits, and keep nothing in memory but what is in flight, until `conform` or `go_on`."""
        self._gives_way = True
        self._shut()

    def go_on(self) -> None:
        """As it was before it gave way."""
        self._gives_way = False
        self._measure()
        self.pump()

    def conform(self, queues: Mapping[str, Queue]) -> None:
        """Other processes took over something, or left it: go on with what is there, the queues that hold something."""
        if self._holds is not None and self._depot.conform(queues, self._holds):
            self._replay.begin()
        self.go_on()

    def hold(self) -> None:
        """Begin nothing more: what is in flight ends, and all that waits comes to be parked, where it can be. In the
        window of one lane it would be unsettled, and the next process would judge it again for all of them.
        """
        self._is_held = True
        self._stop()
        self._depot.put_away_all(self._now_s())
        self._measure()

    def leave(self) -> None:
        """As `hold`, and whatever ends from now on has no consequence: another process goes on with what is parked and
        with what was not settled.
        """
        self.hold()
        self._is_closed = True

    def close(self) -> None:
        """Nothing is owed any more: drop what waits; what is in flight ends without another attempt."""
        self._is_closed = True
        self._stop()
        self.dropped += self._depot.parking.events
        self._depot.parking.clear()
        for attempt in self._waiting.clear():
            self._drop(attempt)
        self._measure()

    # How an attempt ends. Each is told exactly once, by its sink or, where a reply came, by the owner.

    def delivered(self, attempt: Attempt) -> None:
        """Success, and nothing came back."""
        self.in_flight -= 1
        self.done += 1
        self._done_s = now_s = self._now_s()
        latency_s = now_s - attempt.started_s
        self.latency_sum_s += latency_s
        self.latency_buckets[bisect_left(LATENCY_BOUNDS_S, latency_s)] += 1
        if self.breaker.failures:
            self._recover()
        self._settle(attempt.delivery)
        if self._is_ordered:
            self._follow(attempt)
        if self._is_waiting and not self._is_pump_due:
            # Once for all answers of this turn: a sink that gets its requests together is woken once for them.
            self._is_pump_due = True
            self._loop.call_soon(self.pump)

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        """Any other end of a request: count it, decide, carry out."""
        self.latency_sum_s += outcome.latency_s
        self.latency_buckets[bisect_left(LATENCY_BOUNDS_S, outcome.latency_s)] += 1
        if outcome.status is None or outcome.status >= 300:
            self._failed_s += outcome.latency_s
        if is_failure(outcome.status):
            self._fail(outcome.status)
        elif self.breaker.failures:
            self._recover()
        self._carry_out(attempt, outcome)

    def replied(self, attempt: Attempt, *, is_stored: bool) -> None:
        """The reply that came back is taken care of."""
        self.replies += is_stored
        self.replies_ignored += not is_stored
        self._succeed(attempt)
        self.pump()

    def finish_unreplied(self, attempt: Attempt, outcome: Outcome) -> None:
        """The reply could not be taken care of: the delivery failed as a whole, though not by the sink's fault."""
        self._carry_out(attempt, outcome)

    def exhaust_ttl(self, attempt: Attempt) -> None:
        """The event, or its reply, would have made one hop too many."""
        self.in_flight -= 1
        if self.breaker.state == "half-open":
            self.breaker.record_failure(self._now_s())  # a probe that told nothing: the next one may
        self._give_up(attempt, "ttlexhausted", None)
        self.pump()

    def _carry_out(self, attempt: Attempt, outcome: Outcome) -> None:
        verdict = decide(outcome, attempt.number, self.policy, spread=self._spread(), now_s=time.time())
        match verdict:
            case Done(reply=Event() as reply):
                self._owner.reply(attempt, reply)  # in flight until the reply is taken care of
                return
            case Done(ignored=ignored):
                self.replies_ignored += ignored
                self._succeed(attempt)
            case Retry(after_s=after_s):
                self.in_flight -= 1
                self._record(attempt, outcome)
                self._retry(attempt, after_s)
            case DeadLetter(reason=reason) | Exhausted(reason=reason):
                self.in_flight -= 1
                self._record(attempt, outcome)
                self._give_up(attempt, reason, outcome)
        self.pump()

    def _succeed(self, attempt: Attempt) -> None:
        self.in_flight -= 1
        self.done += 1
        self._done_s = self._now_s()
        self._settle(attempt.delivery)
        self._follow(attempt)

    def _give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        if self._is_closed:
            self._drop(attempt)
        elif not self._has_ceded(attempt):
            self._owner.give_up(attempt, reason, outcome)
            self._follow(attempt)

    def _drop(self, attempt: Attempt) -> None:
        self.dropped += 1
        self._settle(attempt.delivery)

    def _record(self, attempt: Attempt, outcome: Outcome) -> None:
        answer = outcome.body[:ANSWER_MAX_BYTES]
        began_s = time.time() - outcome.latency_s
        attempt.record(
            AttemptRecord(began_s, attempt.sink.uri, outcome.status, outcome.latency_s, outcome.error, answer)
        )

    def _retry(self, attempt: Attempt, after_s: float) -> None:
        """Send the attempt's event again after a while. It has had its place: the bound does not turn it away."""
        if self._is_closed:
            self._drop(attempt)
            return
        if self._has_ceded(attempt):
            return
        attempt.number += 1
        attempt.is_resent = False
        is_far = after_s > self._limits.park_after_s
        if self._depot.put_away(attempt, after_s, is_far=is_far):
            return
        if self._waiting.size_bytes >= self._limits.window_size_max_bytes:
            attempt.forget()
        self._waiting.add_retry(attempt, self._now_s() + after_s)
        self._is_waiting = True
        self._is_plain = False
        self._wake_at(self._waiting.retries[0].due_s)

    def _fail(self, status: int | None) -> None:
        was_closed = self.breaker.is_closed
        self.breaker.record_failure(self._now_s())
        if not self.breaker.is_closed:
            if was_closed:
                self._start_slowly()
                self._shut()
        elif is_congestion(status):
            self._pace.cut(self.done, sum(self.latency_buckets))
            self._tune()

    def _recover(self) -> None:
        was_closed = self.breaker.is_closed
        self.breaker.record_success()
        if not was_closed:
            self._measure()
            self._is_waiting = True  # for the pump to look at what is parked

    def _wait(self, attempt: Attempt) -> None:
        waiting = self._waiting
        waiting.size_bytes += attempt.size_bytes
        self._ready.append(attempt)
        self._is_waiting = True
        if self.in_flight < self._limit:
            self.pump()
        elif len(self._ready) >= self._ready_max or waiting.size_bytes >= self._limits.window_size_max_bytes:
            self._measure()

    def _take_in(self, deliveries: Sequence[Delivery]) -> None:
        """The slow way of `offer`."""
        overflow = self._depot.take_in(deliveries)
        if overflow:
            self._owner.overflow(overflow)
        self.pump()
