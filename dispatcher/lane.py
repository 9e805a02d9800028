"""The lane of one sink: its own bounded buffer, its own limit in flight, its own retries and circuit breaker.

A sink that is dead, slow or lying fills its own lane and nobody else's. The lane carries out what `outcome.decide` says;
what happens to an event at its end is for the lane's owner.
"""

import asyncio
import heapq
import random
import time
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

from channels.contract import Delivery
from channels.event import Event
from dispatcher.attempt import HISTORY_MAX, Attempt
from dispatcher.breaker import Breaker, is_failure
from dispatcher.deadletter import ANSWER_MAX_BYTES, AttemptRecord
from dispatcher.outcome import DeadLetter, Done, Exhausted, Outcome, Reason, Retry, decide
from dispatcher.retry import SPREAD_MAX, SPREAD_MIN, Policy
from dispatcher.sink import Sink

LATENCY_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds of the buckets of attempts' durations: those of Knative's `kn.eventing.dispatch.duration`."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """Bounds of one lane. Sizes are bytes as `Event.size` counts them; what is in flight is not part of the backlog."""

    concurrency_max: int
    backlog_events_max: int
    backlog_size_max_bytes: int
    breaker_failures: int
    breaker_pause_s: float


class LaneOwner(Protocol):
    """Who is told how an event's way through a lane ended. Exactly one of the three is called for each that was offered."""

    def settle(self, delivery: Delivery) -> None:
        """Delivered, and no reply came."""

    def reply(self, attempt: Attempt, event: Event) -> None:
        """Delivered, and a reply came. It ends with `settle`, or with `finish` where the reply could not be stored."""

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        """Failed for good. `outcome` is None where no attempt was made."""


class Lane:
    """One sink's lane. All counters grow only; `in_flight` and `waiting` say what is held."""

    def __init__(self, owner: LaneOwner, sink: Sink, policy: Policy, limits: LaneLimits) -> None:
        self.owner = owner
        self.sink = sink
        self.policy = policy
        self.limits = limits
        self.breaker = Breaker(limits.breaker_failures, limits.breaker_pause_s)
        self.in_flight = 0
        self.matched = 0
        self.done = 0
        """Events this lane delivered."""
        self.retried = 0
        """Attempts after a first one."""
        self.replies = 0
        self.replies_ignored = 0
        self.latency_buckets = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self.latency_sum_s = 0.0
        self._settle = owner.settle
        self._concurrency_max = limits.concurrency_max
        self._loop = asyncio.get_running_loop()
        self._now_s = self._loop.time
        self._ready: deque[Attempt] = deque()
        self._retries: list[tuple[float, int, Attempt]] = []
        self._sequence = count()
        self._size_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0
        self._is_closed = False
        self._is_pumping = False

    @property
    def waiting(self) -> int:
        """Events held that are not in flight, those whose retry is due later among them."""
        return len(self._ready) + len(self._retries)

    @property
    def retrying(self) -> int:
        """Events whose retry is due later."""
        return len(self._retries)

    def offer(self, delivery: Delivery) -> None:
        """Take an event that matched: send it now, keep it for later, or give it up where the backlog is at its bound."""
        self.matched += 1
        if self.in_flight < self._concurrency_max and self.breaker.is_closed and not self._ready:
            self.in_flight += 1
            self.sink.send(Attempt(self, delivery, delivery.event))
        else:
            self.keep(Attempt(self, delivery, delivery.event))

    def keep(self, attempt: Attempt) -> None:
        """Put an attempt behind those that wait, if there is room."""
        limits = self.limits
        if self.waiting >= limits.backlog_events_max or self._size_bytes >= limits.backlog_size_max_bytes:
            self.owner.give_up(attempt, "backlogfull", None)
            return
        self._size_bytes += attempt.delivery.size_bytes
        self._ready.append(attempt)
        self._pump()

    def delivered(self, attempt: Attempt) -> None:
        """The plain end of an attempt: success, and nothing came back."""
        self.in_flight -= 1
        self.done += 1
        latency_s = self._now_s() - attempt.started_s
        self.latency_sum_s += latency_s
        self.latency_buckets[bisect_left(LATENCY_BOUNDS_S, latency_s)] += 1
        if self.breaker.failures:
            self.breaker.record_success()
        self._settle(attempt.delivery)
        if self._ready:
            self._pump()

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        """Any other end of an attempt: record it, decide, carry out."""
        self.latency_sum_s += outcome.latency_s
        self.latency_buckets[bisect_left(LATENCY_BOUNDS_S, outcome.latency_s)] += 1
        if is_failure(outcome.status):
            self.breaker.record_failure(self._now_s())
        elif not self.breaker.is_closed or self.breaker.failures:
            self.breaker.record_success()
        self._carry_out(attempt, outcome)

    def finish_unstored(self, attempt: Attempt, error: Exception) -> None:
        """A reply could not be stored: the delivery failed as a whole, though not by the sink's fault."""
        self._carry_out(attempt, Outcome(503, {}, b"", f"the reply was not stored: {error}", 0.0))

    def replied(self, attempt: Attempt, *, is_stored: bool) -> None:
        """The end of an attempt that a reply came back from."""
        self.in_flight -= 1
        self.done += 1
        self.replies += is_stored
        self.replies_ignored += not is_stored
        self._settle(attempt.delivery)
        self._pump()

    def _carry_out(self, attempt: Attempt, outcome: Outcome) -> None:
        self.in_flight -= 1
        self._record(attempt, outcome)
        if self._is_closed:
            self._settle(attempt.delivery)
            return
        spread = random.uniform(SPREAD_MIN, SPREAD_MAX)  # noqa: S311 - jitter, no secret
        match decide(outcome, attempt.number, self.policy, spread=spread, now_s=time.time()):
            case Done(reply=None, ignored=ignored):
                self.replies_ignored += ignored
                self.done += 1
                self._settle(attempt.delivery)
            case Done(reply=Event() as reply):
                self.in_flight += 1  # until the reply is stored
                self.owner.reply(attempt, reply)
            case Retry(after_s=after_s):
                self._retry(attempt, after_s)
            case DeadLetter(reason=reason) | Exhausted(reason=reason):
                self.owner.give_up(attempt, reason, outcome)
        self._pump()

    def exhaust_ttl(self, attempt: Attempt) -> None:
        """The attempt, or its reply, would have been one hop too many."""
        self.in_flight -= 1
        self.owner.give_up(attempt, "ttlexhausted", None)
        self._pump()

    def _retry(self, attempt: Attempt, after_s: float) -> None:
        """Send the attempt's event again after a while."""
        attempt.number += 1
        attempt.is_resent = False
        self._size_bytes += attempt.delivery.size_bytes
        heapq.heappush(self._retries, (self._now_s() + after_s, next(self._sequence), attempt))
        self._wake_at(self._retries[0][0])

    def close(self) -> None:
        """Nothing is owed any more: drop what waits; what is in flight settles without another attempt."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        dropped = [*self._ready, *(attempt for _, _, attempt in self._retries)]
        self._ready.clear()
        self._retries.clear()
        self._size_bytes = 0
        for attempt in dropped:
            self._settle(attempt.delivery)

    def _pump(self) -> None:
        """Send what may be sent: the oldest first, as far as the limit in flight and the breaker let it."""
        if self._is_pumping:
            return  # a sink that answers before `send` returns calls back into here
        self._is_pumping = True
        while self._ready and self.in_flight < self._concurrency_max and self._may_send():
            attempt = self._ready.popleft()
            self._size_bytes -= attempt.delivery.size_bytes
            self.in_flight += 1
            self.retried += attempt.number > 1
            self.sink.send(attempt)
        self._is_pumping = False

    def _may_send(self) -> bool:
        if self.breaker.is_closed:
            return True
        now_s = self._now_s()
        if self.breaker.may_send(now_s):
            return True
        self._wake_at(now_s + self.breaker.next_probe_s(now_s))
        return False

    def _wake_at(self, due_s: float) -> None:
        if self._timer is not None:
            if self._timer_due_s <= due_s:
                return
            self._timer.cancel()
        self._timer_due_s = due_s
        self._timer = self._loop.call_at(due_s, self._wake)

    def _wake(self) -> None:
        """Retries that are due join those that wait; the timer is set for the next one."""
        self._timer = None
        now_s = self._now_s()
        while self._retries and self._retries[0][0] <= now_s:
            self._ready.append(heapq.heappop(self._retries)[2])
        if self._retries:
            self._wake_at(self._retries[0][0])
        self._pump()

    def _record(self, attempt: Attempt, outcome: Outcome) -> None:
        if attempt.history is None:
            attempt.history = deque(maxlen=HISTORY_MAX)
        answer = outcome.body[:ANSWER_MAX_BYTES]
        began_s = time.time() - outcome.latency_s
        attempt.history.append(
            AttemptRecord(began_s, self.sink.uri, outcome.status, outcome.latency_s, outcome.error, answer)
        )
