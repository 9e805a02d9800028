"""The lane of one sink: its own bounded buffer, its own limit in flight, its own retries and circuit breaker.

A sink that is dead, slow or lying fills its own lane and nobody else's. The lane carries out what `outcome.decide`
says; what happens to an event at its end is for the lane's owner.
"""

import asyncio
import heapq
import random
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

from channels.contract import Delivery
from channels.event import Event
from dispatcher.attempt import Attempt
from dispatcher.breaker import Breaker, is_failure
from dispatcher.deadletter import ANSWER_MAX_BYTES, AttemptRecord
from dispatcher.outcome import DeadLetter, Done, Exhausted, Outcome, Reason, Retry, decide
from dispatcher.retry import SPREAD_MAX, SPREAD_MIN, Policy
from dispatcher.sink import Sink
from dispatcher.valve import Flow, Valve

LATENCY_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds of the buckets of attempts' durations: those of Knative's `kn.eventing.dispatch.duration`."""


BEHIND_PART: Final = 4
"""A lane is behind where its backlog is over a quarter of the bound; it has caught up at half of that."""
_LOOK_INTERVAL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """Bounds of one lane. Sizes are bytes as `Event.size` counts them; what is in flight is not part of the backlog."""

    concurrency_max: int
    backlog_events_max: int
    backlog_size_max_bytes: int
    breaker_failures: int
    breaker_pause_s: float


class LaneOwner(Protocol):
    """Who is told how an event's way through a lane ended: by exactly one call for each event that entered."""

    def settle(self, delivery: Delivery) -> None:
        """Nothing more is owed: it was delivered and no reply came, or the lane was closed."""

    def reply(self, attempt: Attempt, event: Event) -> None:
        """Delivered, and a reply came. Ends with the lane's `replied`, `finish_unstored` or `exhaust_ttl`."""

    def give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        """Failed for good. `outcome` is None where no answer says why."""

    def overflow(self, deliveries: Sequence[Delivery]) -> None:
        """There was no room for these: they were offered, and never tried."""


class Lane:
    """One sink's lane. All counters grow only; `in_flight` and `waiting` say what is held.

    What entered is, at every moment, waiting, in flight, done, dropped, or with the owner (`give_up`, `overflow`).
    A sink may answer before its `send` returns.
    """

    # Not to save memory: beyond 30 attributes CPython 3.11 reads them from a plain dict, a tenth slower per event.
    __slots__ = (
        "_concurrency_max",
        "_done_s",
        "_flow",
        "_is_closed",
        "_is_full",
        "_is_pump_due",
        "_is_pumping",
        "_limits",
        "_look",
        "_loop",
        "_now_s",
        "_owner",
        "_ready",
        "_retries",
        "_sequence",
        "_settle",
        "_size_bytes",
        "_timer",
        "_timer_due_s",
        "_valve",
        "breaker",
        "done",
        "dropped",
        "in_flight",
        "latency_buckets",
        "latency_sum_s",
        "matched",
        "policy",
        "replies",
        "replies_ignored",
        "retried",
        "sink",
    )

    def __init__(
        self, owner: LaneOwner, sink: Sink, policy: Policy, limits: LaneLimits, *, valve: Valve | None = None
    ) -> None:
        self.sink = sink
        self.policy = policy
        self.breaker = Breaker(limits.breaker_failures, limits.breaker_pause_s)
        self.in_flight = 0
        self.matched = 0
        """Events that were offered."""
        self.done = 0
        """Events this lane delivered."""
        self.dropped = 0
        """Events that were waiting, or failed, when the lane was closed."""
        self.retried = 0
        """Attempts after a first one."""
        self.replies = 0
        self.replies_ignored = 0
        self.latency_buckets = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self.latency_sum_s = 0.0
        self._owner = owner
        self._settle = owner.settle
        self._limits = limits
        self._concurrency_max = limits.concurrency_max
        self._valve = valve
        self._flow = Flow()
        self._done_s = 0.0
        """When the sink last took an event as it should."""
        self._look: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._now_s = self._loop.time
        self._ready: deque[Attempt] = deque()
        self._retries: list[tuple[float, int, Attempt]] = []
        self._sequence = count()
        self._size_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0
        self._is_closed = False
        self._is_full = False
        self._is_pumping = False
        self._is_pump_due = False

    @property
    def waiting(self) -> int:
        """Events held that are not in flight, those that wait for a retry among them."""
        return len(self._ready) + len(self._retries)

    @property
    def retrying(self) -> int:
        """Events that wait for their retry to be due, and then for their turn."""
        return len(self._retries)

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        """Take events that matched: send each now, keep it for later, or hand it back where the backlog is full."""
        self.matched += len(deliveries)
        sink = self.sink
        for place, delivery in enumerate(deliveries):
            if self.in_flight < self._concurrency_max and self.breaker.is_closed and not self._ready:
                self.in_flight += 1
                sink.send(Attempt(self, sink, delivery, delivery.event))
            elif self._is_full:
                self._owner.overflow(deliveries[place:])
                return
            else:
                self._wait(Attempt(self, sink, delivery, delivery.event))
        if self._ready and self._look is None and self._valve is not None and self._is_behind(BEHIND_PART):
            self._hold_back()

    def keep(self, attempt: Attempt) -> None:
        """Put an attempt behind those that wait, if there is room."""
        if self._is_full:
            self._give_up(attempt, "backlogfull", None)
        else:
            self._wait(attempt)

    def update(self, sink: Sink, policy: Policy) -> None:
        """From the next attempt on, send there and by this policy."""
        if sink.uri != self.sink.uri:  # what another address did says nothing about this one
            self.breaker = Breaker(self._limits.breaker_failures, self._limits.breaker_pause_s)
        self.sink = sink
        self.policy = policy
        self._pump()

    def close(self) -> None:
        """Nothing is owed any more: drop what waits; what is in flight ends without another attempt."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._let_in()
        dropped = [*self._ready, *(attempt for _, _, attempt in self._retries)]
        self._ready.clear()
        self._retries.clear()
        self._size_bytes = 0
        for attempt in dropped:
            self._drop(attempt)

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
            self.breaker.record_success()
        self._settle(attempt.delivery)
        if (self._ready or self._retries) and not self._is_pump_due:
            # Once for all answers of this turn: a sink that gets its requests together is woken once for them.
            self._is_pump_due = True
            self._loop.call_soon(self._pump)

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        """Any other end of a request: count it, decide, carry out."""
        self.latency_sum_s += outcome.latency_s
        self.latency_buckets[bisect_left(LATENCY_BOUNDS_S, outcome.latency_s)] += 1
        if is_failure(outcome.status):
            self.breaker.record_failure(self._now_s())
        elif self.breaker.failures:
            self.breaker.record_success()
        self._carry_out(attempt, outcome)

    def replied(self, attempt: Attempt, *, is_stored: bool) -> None:
        """The reply that came back is taken care of."""
        self.in_flight -= 1
        self.done += 1
        self._done_s = self._now_s()
        self.replies += is_stored
        self.replies_ignored += not is_stored
        self._settle(attempt.delivery)
        self._pump()

    def finish_unstored(self, attempt: Attempt, error: Exception) -> None:
        """The reply could not be stored: the delivery failed as a whole, though not by the sink's fault."""
        self._carry_out(attempt, Outcome(503, {}, b"", f"the reply was not stored: {error}", 0.0))

    def exhaust_ttl(self, attempt: Attempt) -> None:
        """The event, or its reply, would have made one hop too many."""
        self.in_flight -= 1
        if self.breaker.state == "half-open":
            self.breaker.record_failure(self._now_s())  # a probe that told nothing: the next one may
        self._give_up(attempt, "ttlexhausted", None)
        self._pump()

    def _carry_out(self, attempt: Attempt, outcome: Outcome) -> None:
        spread = random.uniform(SPREAD_MIN, SPREAD_MAX)  # noqa: S311 - jitter, no secret
        verdict = decide(outcome, attempt.number, self.policy, spread=spread, now_s=time.time())
        if isinstance(verdict, Done) and verdict.reply is not None:
            self._owner.reply(attempt, verdict.reply)  # in flight until the reply is stored
            return
        self.in_flight -= 1
        match verdict:
            case Done(ignored=ignored):
                self.replies_ignored += ignored
                self.done += 1
                self._done_s = self._now_s()
                self._settle(attempt.delivery)
            case Retry(after_s=after_s):
                self._record(attempt, outcome)
                self._retry(attempt, after_s)
            case DeadLetter(reason=reason) | Exhausted(reason=reason):
                self._record(attempt, outcome)
                self._give_up(attempt, reason, outcome)
        self._pump()

    def _give_up(self, attempt: Attempt, reason: Reason, outcome: Outcome | None) -> None:
        if self._is_closed:
            self._drop(attempt)
        else:
            self._owner.give_up(attempt, reason, outcome)

    def _drop(self, attempt: Attempt) -> None:
        self.dropped += 1
        self._settle(attempt.delivery)

    def _record(self, attempt: Attempt, outcome: Outcome) -> None:
        answer = outcome.body[:ANSWER_MAX_BYTES]
        began_s = time.time() - outcome.latency_s
        attempt.record(
            AttemptRecord(began_s, attempt.sink.uri, outcome.status, outcome.latency_s, outcome.error, answer)
        )

    # What waits.

    def _measure(self) -> None:
        """What waits has changed: is there room for more?"""
        limits = self._limits
        waiting = len(self._ready) + len(self._retries)
        self._is_full = waiting >= limits.backlog_events_max or self._size_bytes >= limits.backlog_size_max_bytes

    def _wait(self, attempt: Attempt) -> None:
        self._size_bytes += attempt.size_bytes
        self._ready.append(attempt)
        if self.in_flight < self._concurrency_max:
            self._pump()
        else:
            self._measure()

    def _is_behind(self, part: int) -> bool:
        """Too much waits for its turn. What waits for a retry is no matter of pace."""
        limits, ready = self._limits, len(self._ready)
        size_bytes = self._size_bytes * ready // (ready + len(self._retries) or 1)
        return size_bytes * part > limits.backlog_size_max_bytes or ready * part > limits.backlog_events_max

    def _hold_back(self) -> None:
        """Producers wait as long as the sink keeps answering fast: for one that does not, waiting would be in vain."""
        is_fast = self._flow.is_fast(self._now_s(), self.done, self.latency_sum_s, self._done_s)
        if is_fast and self._valve is not None:
            self._valve.close(self)
        if is_fast or (is_fast is None and self._look is not None):
            self._look = self._loop.call_later(_LOOK_INTERVAL_S, self._hold_back)
        else:
            self._let_in()

    def _let_in(self) -> None:
        if self._look is not None and self._valve is not None:
            self._look.cancel()
            self._look = None
            self._flow.forget()
            self._valve.open(self)

    def _retry(self, attempt: Attempt, after_s: float) -> None:
        """Send the attempt's event again after a while. It has had its place: the bound does not turn it away."""
        if self._is_closed:
            self._drop(attempt)
            return
        if self._size_bytes >= self._limits.backlog_size_max_bytes:
            attempt.forget()
        attempt.number += 1
        attempt.is_resent = False
        self._size_bytes += attempt.size_bytes
        heapq.heappush(self._retries, (self._now_s() + after_s, next(self._sequence), attempt))
        self._measure()
        self._wake_at(self._retries[0][0])

    def _pump(self) -> None:
        """Send what may be sent, as far as the limit in flight and the breaker let it."""
        self._is_pump_due = False
        if self._is_pumping:
            return  # a sink that answers before `send` returns calls back into here
        self._is_pumping = True
        try:
            while self.in_flight < self._concurrency_max:
                if self._ready and not self._retries and self.breaker.is_closed:
                    attempt = self._ready.popleft()
                elif (found := self._next()) is not None:
                    attempt = found
                else:
                    break
                self._size_bytes -= attempt.size_bytes
                self.in_flight += 1
                self.retried += attempt.number > 1
                attempt.sink = self.sink
                attempt.sink.send(attempt)
        finally:
            self._is_pumping = False
            self._measure()
        if self._look is not None and not self._is_behind(2 * BEHIND_PART):
            self._let_in()

    def _next(self) -> Attempt | None:
        """Take out the retry that is due first, for it is older than all that wait, else the first of those."""
        retries = self._retries
        is_due = bool(retries) and retries[0][0] <= self._now_s()
        if is_due or self._ready:
            if not self._may_send():
                return None
            return heapq.heappop(retries)[2] if is_due else self._ready.popleft()
        if retries:
            self._wake_at(retries[0][0])
        return None

    def _may_send(self) -> bool:
        if self.breaker.is_closed:
            return True
        now_s = self._now_s()
        if self.breaker.may_send(now_s):
            return True
        self._wake_at(now_s + self.breaker.next_probe_s(now_s))
        return False

    def _wake_at(self, due_s: float) -> None:
        """Pump at that time, or before: the one timer stands for the earliest of what is waited for."""
        if self._timer is not None:
            if self._timer_due_s <= due_s:
                return
            self._timer.cancel()
        self._timer_due_s = due_s
        self._timer = self._loop.call_at(due_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._pump()
