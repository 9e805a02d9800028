"""Bugs to plant: a channel, or a disk, that breaks one law of its contract."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from channels.contract import Channel, Delivery, Parked, Queue, Receipt, Subscription
from channels.event import Event
from tests.simulation.disk import Device
from tests.simulation.parts import Parts


class BentQueue:
    """Passes everything on; a bug overrides what it breaks."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


class BentSubscription:
    queue_type: type[BentQueue] = BentQueue

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    def __getattr__(self, name: str) -> Any:
        return getattr(self._subscription, name)

    def queue(self, name: str, *, is_ordered: bool = False) -> Any:
        return self.queue_type(self._subscription.queue(name, is_ordered=is_ordered))

    @property
    def queues(self) -> Mapping[str, Any]:
        return {name: self.queue_type(queue) for name, queue in self._subscription.queues.items()}


class BentChannel:
    subscription_type: type[BentSubscription] = BentSubscription

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def __aenter__(self) -> Any:
        await self._channel.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._channel.__aexit__(*exc)

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Any = "latest") -> AsyncIterator[Any]:
        async with self._channel.subscribe(group, start=start) as subscription:
            yield self.subscription_type(subscription)


def with_channel(channel: type[BentChannel]) -> Parts:
    return Parts(channel=channel)  # type: ignore[arg-type]


def with_subscription(subscription: type[BentSubscription]) -> Parts:
    return with_channel(type("Bent", (BentChannel,), {"subscription_type": subscription}))


def with_queue(queue: type[BentQueue]) -> Parts:
    return with_subscription(type("Bent", (BentSubscription,), {"queue_type": queue}))


class EagerReceipts(BentChannel):
    """Says that events are stored before they are."""

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        receipt.stored()
        self._channel.submit(events, _Deaf())


class _Deaf:
    def stored(self) -> None:
        pass

    def refused(self, error: Exception) -> None:
        pass


class WrongReceipts(BentChannel):
    """Now and then refuses what it stores."""

    count = 0

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        self.count += 1
        self._channel.submit(events, _Refusing(receipt) if self.count % 7 == 0 else receipt)


class _Refusing(_Deaf):
    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt

    def stored(self) -> None:
        self._receipt.refused(RuntimeError())

    def refused(self, error: Exception) -> None:
        self._receipt.refused(error)


class HalfBatches(BentChannel):
    """Stores all of a batch but its last event."""

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        self._channel.submit(events[:-1] or events, receipt)


class ForgetfulAcks(BentSubscription):
    """Forgets what was acked while others were in flight: a restart brings it again."""

    count = 0

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.count += 1
        if self.count % 3:
            self._subscription.ack(deliveries)


class HastyAcks(BentSubscription):
    """Acks what it gives out."""

    async def receive(self, max_events: int) -> list[Delivery]:
        received = await self._subscription.receive(max_events)
        self._subscription.ack(received)
        return received


class SwappedNeighbours(BentSubscription):
    """Gives two events of one batch in the wrong order."""

    async def receive(self, max_events: int) -> list[Delivery]:
        received = await self._subscription.receive(max_events)
        return [*received[1::-1], *received[2:]]


class DoubledDeliveries(BentSubscription):
    """Gives an event to the group twice."""

    count = 0

    async def receive(self, max_events: int) -> list[Delivery]:
        received = await self._subscription.receive(max_events)
        self.count += 1
        if self.count % 5 == 0:
            one = received[0]
            return [*received, Delivery(one.event, one.position, one.size_bytes)]
        return received


class EarlyRetries(BentQueue):
    """Gives parked ones back when half of their time is over."""

    def park(
        self, deliveries: Sequence[Delivery], *, after_s: float = 0.0, attempts: int = 0, note: bytes = b""
    ) -> None:
        self._queue.park(deliveries, after_s=after_s / 2, attempts=attempts, note=note)


class LostReparks(BentQueue):
    """Loses what is parked for the second time."""

    def park(
        self, deliveries: Sequence[Delivery], *, after_s: float = 0.0, attempts: int = 0, note: bytes = b""
    ) -> None:
        if attempts < 2:
            self._queue.park(deliveries, after_s=after_s, attempts=attempts, note=note)


class ForgottenAttempts(BentQueue):
    """Does not know how often a parked one was tried."""

    def park(
        self, deliveries: Sequence[Delivery], *, after_s: float = 0.0, attempts: int = 0, note: bytes = b""
    ) -> None:
        self._queue.park(deliveries, after_s=after_s, attempts=0, note=note)


class ShuffledQueue(BentQueue):
    """Gives the youngest first."""

    async def take(self, max_events: int) -> list[Parked]:
        return (await self._queue.take(max_events))[::-1]


class ForgetfulDevice(Device):
    """A crash takes what the last commit parked, though not what it acked."""

    def commit(self) -> Any:
        assert self._under_way is not None
        self._parked = [row[0] for row in self._under_way[0].parked]
        return super().commit()

    _parked: Sequence[int] = ()

    def crash(self) -> None:
        super().crash()
        for row in self._parked:
            self.connection.execute("DELETE FROM parked WHERE id = ?", (row,))


class TornDevice(Device):
    """A commit that a crash meets is done in part: what it deletes is gone, what it adds is not there."""

    def crash(self) -> None:
        if self._under_way is not None:
            batch, _ = self._under_way
            batch.log.clear()
            batch.parked.clear()
        super().crash()


BUGS: dict[str, Parts] = {
    "receipts before the commit": with_channel(EagerReceipts),
    "refused and yet stored": with_channel(WrongReceipts),
    "half a batch": with_channel(HalfBatches),
    "acks forgotten": with_subscription(ForgetfulAcks),
    "acked when given out": with_subscription(HastyAcks),
    "neighbours swapped": with_subscription(SwappedNeighbours),
    "given out twice": with_subscription(DoubledDeliveries),
    "retries too early": with_queue(EarlyRetries),
    "lost when parked again": with_queue(LostReparks),
    "attempts forgotten": with_queue(ForgottenAttempts),
    "youngest first": with_queue(ShuffledQueue),
    "parked ones forgotten": Parts(device=ForgetfulDevice),
    "torn commits": Parts(device=TornDevice),
}
