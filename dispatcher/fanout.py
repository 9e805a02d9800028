"""One reader per Broker: each event is read once, judged once by one version of the index, handed to the Triggers."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from channels.contract import Delivery, Position, Subscription
from dispatcher.filters import Predicate
from dispatcher.index import Index
from dispatcher.valve import Valve

GROUP = "fanout"
"""The one group that a Broker's events are read by."""
BATCH_MAX = 128
"""Events judged without letting the event loop turn: lanes send about as many in one, more would only wait there."""
LAG_MAX = 2048
"""Events stored and not yet judged above which producers wait: the process takes them faster than it reads them."""


class Taker(Protocol):
    """Who is offered events: a Trigger."""

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        """These matched; each is settled once, sooner or later."""

    def write_down(self) -> None:
        """Let the channel remember what became of the events, if that changed."""

    @property
    def is_idle(self) -> bool:
        """Nothing changes until an event comes from the fan out, or from a queue."""


class Fanout:
    """Offers each event of a channel to the takers whose predicates match, acks it when all of them have settled.

    It works from `begin` to `end`. Between the two `run` may crash and begin again: what takers hold stays theirs.
    """

    def __init__(self) -> None:
        self.judged = 0
        """Events that an index was asked about."""
        self.received = 0
        self.given_back = 0
        """Events received that were not judged."""
        self.entrance = Valve()
        """Closed while producers are to wait."""
        self.exit = Valve()
        """Closed by lanes while events are to wait."""
        self._index: Index[Taker] = Index(())
        self._subscription: Subscription | None = None
        self._returned = 0
        self._last: Position = 0
        self._settled: list[Delivery] = []
        self._watched: dict[Delivery, Callable[[], None]] = {}
        self._touched: set[Taker] = set()
        self._loop = asyncio.get_running_loop()

    def begin(self, subscription: Subscription) -> None:
        """Read by this membership."""
        self._subscription = subscription
        self._returned = self.judged + subscription.lag

    def end(self) -> None:
        """Ack what has settled, write down what changed. What settles from now on is acked to nobody."""
        self.write_down()
        self._touched.clear()
        self._subscription = None

    @property
    def lag(self) -> int:
        """Events stored and not yet judged."""
        return 0 if self._subscription is None else self._subscription.lag

    @property
    def is_replayed(self) -> bool:
        """What an earlier process left unsettled was judged once more; all of it comes before what is new."""
        return self.judged >= self._returned

    @property
    def frontier(self) -> Position | None:
        """All events up to this one were judged, none after it. None while that cannot be said: at first come events
        that an earlier process left unsettled among others.
        """
        return self._last if self.judged > self._returned else None

    def replace(self, entries: Iterable[tuple[Predicate, Taker]]) -> None:
        """From the next event on, judge by these. The index is swapped whole, so no event meets two versions."""
        self._index = Index(entries)

    async def run(self) -> None:
        """Until cancelled or crashed; what was received is then handed on or given back. Raises ChannelUnavailable."""
        assert self._subscription is not None
        receive = self._subscription.receive
        try:
            while True:
                if self.exit.is_closed:
                    await self._wait_for_lanes()
                    self.regulate()  # or producers would wait for a reader that waits for them
                batch = await receive(BATCH_MAX)
                self.received += len(batch)
                self.judge(batch)
                if len(batch) == BATCH_MAX or self.entrance.is_closed:
                    self.regulate()
                    # A receive that finds events does not suspend: producers and sinks get their turn here.
                    await asyncio.sleep(0)
        finally:
            self.entrance.open(self)

    def settle(self, delivery: Delivery) -> None:
        """One lane owes nothing more for this event. Acks are gathered for one turn of the event loop."""
        delivery.pending -= 1
        if not delivery.pending:
            self._settled.append(delivery)
            if len(self._settled) == 1:
                self._loop.call_soon(self._acknowledge)

    def settle_all(self, deliveries: Sequence[Delivery]) -> None:
        """One lane owes nothing more for any of these."""
        is_due = bool(self._settled)
        for delivery in deliveries:
            delivery.pending -= 1
            if not delivery.pending:
                self._settled.append(delivery)
        if self._settled and not is_due:
            self._loop.call_soon(self._acknowledge)

    def watch(self, delivery: Delivery, do: Callable[[], None]) -> None:
        """Call that when this delivery has settled, which no channel gave out and none is told of."""
        self._watched[delivery] = do

    def touch(self, taker: Taker) -> None:
        """What became of events is about to change here: write it down with the acks, until all is quiet again."""
        self._touched.add(taker)

    def discard(self, taker: Taker) -> None:
        """There is nothing more to write down about this one."""
        self._touched.discard(taker)

    def write_down(self) -> None:
        """For the channel to call when it puts a commit together: acks, and what they count for, belong in one."""
        self._acknowledge()
        if self._subscription is None:
            return
        for taker in tuple(self._touched):
            taker.write_down()
            if taker.is_idle:
                self._touched.discard(taker)

    def regulate(self) -> None:
        """Let producers wait while much is stored and not yet judged."""
        if self.lag > LAG_MAX:
            self.entrance.close(self)
        elif self.entrance.is_closed:
            self.entrance.open(self)

    def judge(self, batch: Sequence[Delivery]) -> None:
        """Offer these, which were received, or give them back.

        Neighbours that the same takers want are handed on together: where one is, there are often many.
        """
        match = self._index.match
        takers: tuple[Taker, ...] = ()
        run: list[Delivery] = []
        judged = 0
        try:
            for delivery in batch:
                wanted = match(delivery.event)
                if wanted != takers:
                    judged += len(run)
                    self._hand_on(run, takers)
                    takers, run = wanted, []
                delivery.pending = len(wanted)
                run.append(delivery)
            judged += len(run)
            self._hand_on(run, takers)
        finally:
            self.judged += judged
            if judged:
                self._last = batch[judged - 1].position
            if judged < len(batch) and self._subscription is not None:
                self._subscription.nack(batch[judged:])
                self.given_back += len(batch) - judged

    def _hand_on(self, run: Sequence[Delivery], takers: Sequence[Taker]) -> None:
        if takers:
            self._touched.update(takers)
            reached = 0
            try:
                for taker in takers:
                    reached += 1
                    taker.offer(run)
            finally:
                if reached < len(takers):  # one of them crashed: the others get theirs
                    self._hand_on(run, takers[reached:])
        elif run and self._subscription is not None:
            self._subscription.ack(run)

    async def _wait_for_lanes(self) -> None:
        self.entrance.close(self)
        while self.exit.is_closed:
            opened = asyncio.Event()
            self.exit.wait(opened.set)
            await opened.wait()

    def _acknowledge(self) -> None:
        settled, self._settled = self._settled, []
        if self._watched:
            settled = [delivery for delivery in settled if not self._is_told(delivery)]
        if settled and self._subscription is not None:
            self._subscription.ack(settled)

    def _is_told(self, delivery: Delivery) -> bool:
        do = self._watched.pop(delivery, None)
        if do is not None:
            do()
        return do is not None
