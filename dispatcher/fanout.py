"""One reader per Broker: each event is read once, judged once by one version of the index, and handed to the lanes."""

import asyncio
from collections.abc import Iterable, Sequence

from channels.contract import Channel, Delivery, Subscription
from dispatcher.filters import Predicate
from dispatcher.index import Index
from dispatcher.lane import Lane
from dispatcher.valve import Valve

GROUP = "fanout"
"""The one group that a Broker's events are read by."""
BATCH_MAX = 128
"""Events judged without letting the event loop turn: lanes send about as many in one, more would only wait there."""
LAG_MAX = 2048
"""Events stored and not yet judged above which producers wait: the process takes them faster than it reads them."""


class Fanout:
    """Reads a channel, offers each event to the lanes whose predicates match, acks it when all of them have settled."""

    def __init__(self) -> None:
        self.judged = 0
        """Events that an index was asked about."""
        self.joined = asyncio.Event()
        """Set from the first subscription on: what is published before it goes to nobody."""
        self.entrance = Valve()
        """Closed while producers are to wait."""
        self.exit = Valve()
        """Closed by lanes while events are to wait."""
        self._index: Index[Lane] = Index(())
        self._settled: list[Delivery] = []
        self._subscription: Subscription | None = None
        self._loop = asyncio.get_running_loop()

    def replace(self, entries: Iterable[tuple[Predicate, Lane]]) -> None:
        """From the next event on, judge by these. The index is swapped whole, so no event meets two versions."""
        self._index = Index(entries)

    async def run(self, channel: Channel) -> None:
        """Until cancelled or crashed; then what is not settled returns to the group. Raises ChannelUnavailable."""
        async with channel.subscribe(GROUP) as subscription:
            self._subscription = subscription
            self.joined.set()
            try:
                while True:
                    if self.exit.is_closed:
                        await self._wait_for_lanes()
                        self.regulate(channel)  # or producers would wait for a reader that waits for them
                    batch = await subscription.receive(BATCH_MAX)
                    self._judge(batch)
                    if len(batch) == BATCH_MAX or self.entrance.is_closed:
                        self.regulate(channel)
                        # A receive that finds events does not suspend: producers and sinks get their turn here.
                        await asyncio.sleep(0)
            finally:
                self._acknowledge()
                self.entrance.open(self)
                self._subscription = None

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

    def _judge(self, batch: Sequence[Delivery]) -> None:
        """Neighbours that the same lanes want are handed on together: where one is, there are often many."""
        match = self._index.match
        lanes: tuple[Lane, ...] = ()
        run: list[Delivery] = []
        for delivery in batch:
            wanted = match(delivery.event)
            if wanted != lanes:
                self._hand_on(run, lanes)
                lanes, run = wanted, []
            delivery.pending = len(wanted)
            run.append(delivery)
        self._hand_on(run, lanes)
        self.judged += len(batch)

    def _hand_on(self, run: Sequence[Delivery], lanes: Sequence[Lane]) -> None:
        for lane in lanes:
            lane.offer(run)
        if not lanes and self._subscription is not None:
            self._subscription.ack(run)

    def regulate(self, channel: Channel) -> None:
        """Let producers wait while much is stored and not yet judged."""
        lags = channel.statistics().stored - self.judged > LAG_MAX
        if lags:
            self.entrance.close(self)
        elif self.entrance.is_closed:
            self.entrance.open(self)

    async def _wait_for_lanes(self) -> None:
        self.entrance.close(self)
        while self.exit.is_closed:
            opened = asyncio.Event()
            self.exit.wait(opened.set)
            await opened.wait()

    def _acknowledge(self) -> None:
        settled, self._settled = self._settled, []
        if self._subscription is not None and settled:
            self._subscription.ack(settled)
