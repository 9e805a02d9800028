"""One reader per Broker: each event is read once, judged once by one version of the index, and handed to the lanes."""

import asyncio
from collections.abc import Iterable, Sequence

from channels.contract import Channel, Delivery, Subscription
from dispatcher.filters import Predicate
from dispatcher.index import Index
from dispatcher.lane import Lane

GROUP = "fanout"
"""The one group that a Broker's events are read by."""
BATCH_MAX = 256
"""Events judged without letting the event loop turn: about a millisecond of its time."""


class Fanout:
    """Reads a channel, offers each event to the lanes whose predicates match, acks it when all of them have settled."""

    def __init__(self) -> None:
        self.judged = 0
        """Events that an index was asked about."""
        self.joined = asyncio.Event()
        """Set from the first subscription on: what is published before it goes to nobody."""
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
                    self._judge(await subscription.receive(BATCH_MAX))
                    # A receive that finds events does not suspend: producers and sinks get their turn here.
                    await asyncio.sleep(0)
            finally:
                self._acknowledge()
                self._subscription = None

    def settle(self, delivery: Delivery) -> None:
        """One lane owes nothing more for this event. Acks are gathered for one turn of the event loop."""
        delivery.pending -= 1
        if not delivery.pending:
            self._settled.append(delivery)
            if len(self._settled) == 1:
                self._loop.call_soon(self._acknowledge)

    def _judge(self, batch: Sequence[Delivery]) -> None:
        match = self._index.match
        nobodys: list[Delivery] = []
        for delivery in batch:
            lanes = match(delivery.event)
            if lanes:
                delivery.pending = len(lanes)
                for lane in lanes:
                    lane.offer(delivery)
            else:
                nobodys.append(delivery)
        self.judged += len(batch)
        if nobodys and self._subscription is not None:
            self._subscription.ack(nobodys)

    def _acknowledge(self) -> None:
        settled, self._settled = self._settled, []
        if self._subscription is not None and settled:
            self._subscription.ack(settled)
