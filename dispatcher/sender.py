"""What sends: the lower half of a lane. It takes what waits in the depot, as far as the limit in flight, the breaker
and the rate let it, and sees to it that the window is filled with what is parked.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Final

from channels.contract import Delivery
from dispatcher.attempt import Attempt
from dispatcher.breaker import Breaker
from dispatcher.depot import Depot
from dispatcher.lane_state import LATENCY_BOUNDS_S, LaneLimits, LaneOwner
from dispatcher.manner import DEFAULT, Manner
from dispatcher.pace import Bucket, Pace
from dispatcher.retry import Policy
from dispatcher.sink import Sink
from dispatcher.tasks import supervise
from dispatcher.valve import Brake, Flow, Valve

BEHIND_PART: Final = 4
"""A lane is behind where more waits than a quarter of its window; it has caught up at half of that."""


class Sender:
    """Half of a lane: the other one takes what comes, and is told how it ends."""

    # Not to save memory: beyond 30 attributes CPython 3.11 reads them from a plain dict, a tenth slower per event.
    __slots__ = (
        "_brake", "_bucket", "_depot", "_done_s", "_failed_s", "_fast_limit", "_flow", "_gives_way", "_holds",
        "_is_closed", "_is_held", "_is_ordered", "_is_plain", "_is_pump_due", "_is_pumping", "_is_waiting", "_limit",
        "_limits", "_loop", "_manner", "_may_wait", "_now_s", "_owner", "_pace", "_ready", "_ready_max", "_review_at",
        "_taker", "_timer", "_timer_due_s", "_waiting", "breaker", "done", "in_flight", "latency_buckets",
        "latency_sum_s", "name", "policy", "retried", "sink",
    )  # fmt: skip

    def __init__(
        self, owner: LaneOwner, sink: Sink, policy: Policy, limits: LaneLimits, depot: Depot, *, name: str,
        manner: Manner, valve: Valve | None, holds: Callable[[Delivery], bool] | None,
    ) -> None:  # fmt: skip
        self.name = name
        """Of its queue; the names of others begin with it."""
        self.sink = sink
        self.policy = policy
        self.breaker = Breaker(limits.breaker_failures, limits.breaker_pause_s)
        self.in_flight = 0
        self.done = 0
        """Events this lane delivered."""
        self.retried = 0
        """Attempts after a first one."""
        self.latency_buckets = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self.latency_sum_s = 0.0
        self._owner = owner
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._now_s = self._loop.time
        self._flow = Flow()
        self._brake = None if valve is None else Brake(valve, self._is_fast, self._loop)
        self._done_s = 0.0
        """When the sink last took an event as it should."""
        self._failed_s = 0.0
        """What attempts took that did not succeed."""
        self._depot = depot
        self._holds = holds
        self._waiting = depot.waiting
        self._ready = depot.waiting.ready
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0
        self._taker: asyncio.Task[None] | None = None
        self._is_closed = self._is_held = False
        self._gives_way = False
        """Another process is about to take over some of what it has."""
        self._is_pumping = self._is_pump_due = False
        self._is_waiting = self._is_plain = False
        """Something waits in memory; it may be sent as it comes."""
        self._pace = Pace(limits.concurrency_min, limits.concurrency_max, fixed=manner.concurrency)
        self._bucket: Bucket | None = None
        self._is_ordered = False
        self._manner = DEFAULT
        self._apply(manner)

    @property
    def concurrency(self) -> int:
        """How many attempts may be in flight."""
        return self._pace.limit

    def pump(self) -> None:
        """Send what may be sent, as far as the limit in flight, the breaker and the rate let it."""
        self._is_pump_due = False
        if self._is_pumping:
            return  # a sink that answers before `send` returns calls back into here
        if self.done >= self._review_at:
            self._review()
        self._is_pumping = True
        try:
            while self.in_flight < self._limit:
                if self._is_plain and self._ready and self.breaker.is_closed:
                    attempt = self._ready.popleft()
                    self._waiting.size_bytes -= attempt.size_bytes
                elif (found := self._next()) is not None:
                    attempt = found
                else:
                    break
                if self._holds is not None and self._is_anothers(attempt):
                    continue
                self.in_flight += 1
                self.retried += attempt.number > 1
                attempt.sink = self.sink
                attempt.sink.send(attempt)
        finally:
            self._is_pumping = False
            self._measure()
        if self._brake is not None and self._brake.is_on and not self._is_behind(2 * BEHIND_PART):
            self._let_in()
        if self._depot.parking.events:
            self._refill()

    def _next(self) -> Attempt | None:
        now_s, is_crowded = self._now_s(), self._depot.is_crowded
        if self._waiting.has_ready(now_s, is_blocked=is_crowded):
            return self._waiting.pop(now_s, is_blocked=is_crowded) if self._may_send(now_s) else None
        if self._waiting.retries:
            self._wake_at(self._waiting.retries[0].due_s)
        return None

    def _may_send(self, now_s: float) -> bool:
        bucket = self._bucket
        wait_s = 0.0 if bucket is None else bucket.wait_s(now_s)
        if wait_s <= 0 and not self.breaker.may_send(now_s):
            wait_s = self.breaker.next_probe_s(now_s)
        elif wait_s <= 0:
            if bucket is not None:
                bucket.begin(now_s)
            return True
        self._wake_at(now_s + wait_s)
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
        self.pump()

    # What other processes took over.

    def _is_anothers(self, attempt: Attempt) -> bool:
        """Nothing more is sent of what this process has lost, from the moment it may know."""
        if not self._has_ceded(attempt):
            return False
        if self.breaker.state == "half-open":
            self.breaker.record_failure(self._now_s())  # it was to be the probe: the next one may
        return True

    def _has_ceded(self, attempt: Attempt) -> bool:
        """Another process took it over while it waited, or was on its way: what is to become of it is decided there."""
        if self._holds is None or attempt.is_redriven or self._holds(attempt.delivery):
            return False
        self._depot.cede(attempt)
        self._follow(attempt)
        return True

    def _follow(self, attempt: Attempt) -> None:
        """Where order is kept, another of its key may go: out of memory, else out of the key's queue."""
        if not self._is_ordered:
            return
        head = self._waiting.keys.leave(attempt)
        if head is not None:
            self._waiting.resume(head)
            self._is_waiting = True
            self._is_plain = self._is_plain and not head.is_as_parked
        elif self._depot.parking.keys:
            self._depot.parking.free(attempt.key)
            self._is_waiting = True  # for the pump to look at what is parked

    # What waits.

    def _measure(self) -> None:
        """What waits has changed, or what may wait."""
        depot, waiting, breaker = self._depot, self._waiting, self.breaker
        depot.measure()
        depot.is_shut = depot.is_durable and (
            self._is_held or self._gives_way or self._manner.is_paused or not breaker.is_closed
        )
        self._is_waiting = bool(len(waiting))
        self._is_plain = not (waiting.returned or waiting.retries or self._bucket or depot.is_crowded)
        self._may_wait = not (depot.is_full or depot.is_shut or self._is_ordered)
        self._ready_max = self._limits.window_events_max - len(waiting) + len(self._ready)

    def _shut(self) -> None:
        """Where the channel is durable nothing waits in memory while nothing is sent."""
        self._measure()
        if self._depot.is_shut:
            self._depot.put_away_all(self._now_s())
            self._measure()

    # What is parked.

    def _refill(self) -> None:
        """Take something out of a queue, now or when it is due."""
        if self._taker is not None or not self._limit or self._gives_way:
            return
        now_s = self._now_s()
        due_s = self._depot.parking.due_s()
        if not self.breaker.is_closed:
            due_s = max(due_s, now_s + self.breaker.next_probe_s(now_s))
        if due_s > now_s:
            if due_s < inf:
                self._wake_at(due_s)
        elif self._room():
            label = f"parked events of {self.name}"
            self._taker = self._loop.create_task(supervise(label, self._take_parked), name=label)

    def _room(self) -> int:
        """How many may be taken: where the breaker is open, the one that is the probe."""
        if not self._limit or self._gives_way:
            return 0
        if self.breaker.is_closed:
            return self._depot.room()
        now_s = self._now_s()
        may_probe = self.breaker.state == "open" and not self.breaker.next_probe_s(now_s)
        return int(may_probe and not self._waiting.has_ready(now_s, is_blocked=False))

    async def _take_parked(self) -> None:
        """Fill the window, as long as something is due. Raises ChannelUnavailable."""
        depot = self._depot
        while (room := self._room()) and (shelf := depot.next_shelf()) is not None:
            taken = await depot.take(shelf, room)
            if taken:
                self._owner.touch()
            if depot.is_shut and (self._manner.is_paused or self._gives_way or taken > 1):
                self._shut()  # meanwhile; one alone is the probe
            self.pump()
            await asyncio.sleep(0)
        self._taker = None
        self._refill()

    # How fast.

    def _apply(self, manner: Manner) -> None:
        """Go on in that manner."""
        before, self._manner = self._manner, manner
        limits = self._limits
        if manner.concurrency != before.concurrency:
            self._pace = Pace(limits.concurrency_min, limits.concurrency_max, fixed=manner.concurrency)
        if manner.rate != before.rate:
            self._bucket = None if manner.rate is None else Bucket(manner.rate)
        if manner.order != self._depot.order:
            self._depot.reorder(manner.order)
            self._is_ordered = manner.order is not None
        if self._depot.parking.events:
            self._start_slowly()
        self._tune()
        self._shut()

    def _start_slowly(self) -> None:
        self._pace.start_slowly(self.done)
        self._tune()

    def _tune(self) -> None:
        """The limits follow the pace. Whatever has to be looked at more closely does not go the fast way."""
        is_stopped = self._is_held or self._is_closed or self._manner.is_paused
        self._limit = 0 if is_stopped else self._pace.limit
        self._fast_limit = 0 if self._is_ordered or self._bucket is not None else self._limit
        self._review_at = self._pace.review_at

    def _review(self) -> None:
        is_limiting = bool(self._ready or self._waiting.returned)
        took_s = self.latency_sum_s - self._failed_s
        self._pace.review(self._now_s(), self.done, sum(self.latency_buckets), took_s, is_limiting=is_limiting)
        self._tune()

    def _stop(self) -> None:
        """Begin nothing from now on."""
        self._tune()
        if self._timer is not None:
            self._timer.cancel()
        if self._taker is not None:
            self._taker.cancel()
        self._let_in()

    # Backpressure.

    def _is_behind(self, part: int) -> bool:
        """Too much of what came from the fan out waits for its turn, though the lane sends as fast as it may."""
        limits, waiting, ready = self._limits, self._waiting, len(self._ready)
        if self._is_ordered:
            ready = self._depot.behind_in_order()
        size_bytes = waiting.size_bytes * ready // (len(waiting) or 1)
        return size_bytes * part > limits.window_size_max_bytes or ready * part > limits.window_events_max

    def _is_fast(self) -> bool | None:
        """A sink that somebody slowed down, or that is being tried, is not worth waiting for."""
        if not self._pace.is_full or self._bucket is not None or self._manner.concurrency is not None:
            return False
        return self._flow.is_fast(self._now_s(), self.done, self.latency_sum_s, self._done_s)

    def _let_in(self) -> None:
        if self._brake is not None and self._brake.is_on:
            self._flow.forget()
            self._brake.release()
