"""Each law is shown to catch a channel that breaks it: the memory channel with one fault at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self

import pytest

from channels import conformance
from channels.conformance import LAWS
from channels.contract import Delivery, Features, Position, Receipt
from channels.errors import ChannelFull
from channels.event import Event
from channels.memory import Member, MemoryChannel
from channels.witness import events_of, receive


def test_every_law_is_in_the_tuple() -> None:
    """A law that nobody runs is none."""
    written = {
        name
        for name, thing in vars(conformance).items()
        if asyncio.iscoroutinefunction(thing) and thing.__module__ == conformance.__name__
    }
    assert written == {law.__name__ for law in LAWS}


class Wrapped:
    """A member that does what the member below it does, but for what a faulty one overrides."""

    def __init__(self, below: Member) -> None:
        self.below = below

    async def receive(self, max_events: int) -> list[Delivery]:
        return await self.below.receive(max_events)

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.ack(deliveries)

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.nack(deliveries)


class ForgetsTheTtl(MemoryChannel):
    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        super().submit([event.with_ttl(None) for event in events], receipt)

    async def publish(self, events: Sequence[Event]) -> list[Position]:
        return await super().publish([event.with_ttl(None) for event in events])


class OneGroup(MemoryChannel):
    """As if all groups were one."""

    @asynccontextmanager
    async def subscribe(self, group: str) -> AsyncIterator[Member]:
        async with super().subscribe(group and "one") as member:
            yield member


class EachMemberItsGroup(MemoryChannel):
    _members = 0

    @asynccontextmanager
    async def subscribe(self, group: str) -> AsyncIterator[Member]:
        self._members += 1
        async with super().subscribe(f"{group}{self._members}") as member:
            yield member


class KeepsForGroupsToCome(MemoryChannel):
    async def __aenter__(self) -> Self:
        await super().__aenter__()
        async with super().subscribe("g"):
            return self


class ForgetsPositions(MemoryChannel):
    async def publish(self, events: Sequence[Event]) -> list[Position]:
        return [1 for _ in await super().publish(events)]


class ReversesBatches(MemoryChannel):
    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        super().submit(events[::-1], receipt)


class TellsTwice(MemoryChannel):
    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        super().submit(events, receipt)
        super().submit([], receipt)


class NeverWaits(Wrapped):
    async def receive(self, max_events: int) -> list[Delivery]:
        try:
            async with asyncio.timeout(0):
                return await self.below.receive(max_events)
        except TimeoutError:
            return []


class AcksAllBefore(Wrapped):
    """Like a log that commits the highest position, whatever is missing below it."""

    def __init__(self, below: Member) -> None:
        super().__init__(below)
        self.taken: list[Delivery] = []

    async def receive(self, max_events: int) -> list[Delivery]:
        taken = await self.below.receive(max_events)
        self.taken += taken
        return taken

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        highest = max(delivery.position for delivery in deliveries)
        self.below.ack([delivery for delivery in self.taken if delivery.position <= highest])


class CountsEachAck(MemoryChannel):
    """Releases what it is told, held or not."""

    @asynccontextmanager
    async def subscribe(self, group: str) -> AsyncIterator[Wrapped]:
        release = self._release

        class Releasing(Wrapped):
            def ack(self, deliveries: Sequence[Delivery]) -> None:
                release(deliveries)

        async with super().subscribe(group) as member:
            yield Releasing(member)


class AnybodySettles(MemoryChannel):
    """Asks only whether a delivery is held, and not by whom."""

    @asynccontextmanager
    async def subscribe(self, group: str) -> AsyncIterator[Wrapped]:
        holders = self.__dict__.setdefault("holders", [])

        class Settling(Wrapped):
            def ack(self, deliveries: Sequence[Delivery]) -> None:
                for holder in holders:
                    holder.ack(deliveries)

        async with super().subscribe(group) as member:
            holders.append(member)
            yield Settling(member)


class NacksToTheEnd(Wrapped):
    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.ack(deliveries)
        self.below._group.fresh += deliveries


class NacksInTheOrderOfTheCalls(Wrapped):
    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.ack(deliveries)
        self.below._group.fresh.extendleft(deliveries)


class NacksWhatWasNacked(Wrapped):
    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.ack(deliveries)
        self.below._group.fresh.extendleft(deliveries)


class KeepsWhatItHeld(MemoryChannel):
    @asynccontextmanager
    async def subscribe(self, group: str) -> AsyncIterator[Member]:
        async with super().subscribe(group) as member:
            yield member
            member._held.clear()


class DropsOnCancel(Wrapped):
    """Takes in a task of its own, which a cancelled receive leaves behind."""

    async def receive(self, max_events: int) -> list[Delivery]:
        return await asyncio.shield(asyncio.ensure_future(self.below.receive(max_events)))


class PublishesOneByOne(MemoryChannel):
    async def publish(self, events: Sequence[Event]) -> list[Position]:
        positions = []
        for event in events:
            positions += await super().publish([event])
            await asyncio.sleep(0)
        return positions


class Unbounded(MemoryChannel):
    def __init__(self, *, events_max: int, size_max_bytes: int) -> None:
        super().__init__(events_max=10**9, size_max_bytes=size_max_bytes)


class Weightless(MemoryChannel):
    def __init__(self, *, events_max: int, size_max_bytes: int) -> None:
        super().__init__(events_max=events_max, size_max_bytes=10**9)


class NeverHeals(MemoryChannel):
    def _release(self, deliveries: object) -> None:
        pass


class StaysOpen(MemoryChannel):
    async def __aexit__(self, *exc: object) -> None:
        pass


class ForgetsWhoWaits(MemoryChannel):
    async def __aexit__(self, *exc: object) -> None:
        self._is_open = False


class TakesWhenClosed(MemoryChannel):
    async def publish(self, events: Sequence[Event]) -> list[Position]:
        return await super().publish(events) if self._is_open else []


class IsJoinedWhenClosed(MemoryChannel):
    @asynccontextmanager
    async def subscribe(self, group: str) -> AsyncIterator[Member | None]:
        if self._is_open:
            async with super().subscribe(group) as member:
                yield member
        else:
            yield None


class ReleasesWithTheFirstGroup(MemoryChannel):
    def _is_last(self, position: Position) -> bool:
        return True


def with_members(kind: Callable[[Member], Wrapped]) -> type[MemoryChannel]:
    """A channel whose members are of that kind."""

    class Faulty(MemoryChannel):
        @asynccontextmanager
        async def subscribe(self, group: str) -> AsyncIterator[Wrapped]:
            async with super().subscribe(group) as member:
                yield kind(member)

    Faulty.__name__ = kind.__name__
    return Faulty


FAULTS: list[tuple[str, type[MemoryChannel]]] = [
    ("bytes_are_kept", ForgetsTheTtl),
    ("each_group_gets_each_event", OneGroup),
    ("members_of_a_group_share", EachMemberItsGroup),
    ("a_group_begins_with_its_first_member", KeepsForGroupsToCome),
    ("a_group_outlives_its_members", EachMemberItsGroup),
    ("positions_grow", ForgetsPositions),
    ("order_is_kept", ReversesBatches),
    ("a_receipt_is_told_once", TellsTwice),
    ("receive_waits_for_an_event", with_members(NeverWaits)),
    ("acks_come_in_any_order", with_members(AcksAllBefore)),
    ("acking_twice_is_acking_once", CountsEachAck),
    ("nobody_settles_what_another_holds", AnybodySettles),
    ("nacked_events_come_ahead_of_younger", with_members(NacksToTheEnd)),
    ("nacked_events_come_ahead_of_younger", with_members(NacksInTheOrderOfTheCalls)),
    ("nacking_twice_is_nacking_once", with_members(NacksWhatWasNacked)),
    ("a_leaving_member_returns_what_it_holds", KeepsWhatItHeld),
    ("a_cancelled_receive_holds_nothing", with_members(DropsOnCancel)),
    ("a_cancelled_publish_is_all_or_nothing", PublishesOneByOne),
    ("a_full_channel_pushes_back_and_heals", Unbounded),
    ("a_full_channel_pushes_back_and_heals", NeverHeals),
    ("a_heavy_channel_pushes_back", Weightless),
    ("a_batch_is_stored_whole_or_not_at_all", PublishesOneByOne),
    ("a_closed_channel_is_unavailable", StaysOpen),
    ("a_closed_channel_is_unavailable", ForgetsWhoWaits),
    ("a_closed_channel_is_unavailable", TakesWhenClosed),
    ("a_closed_channel_is_unavailable", IsJoinedWhenClosed),
    ("statistics_count_what_is_held", ReleasesWithTheFirstGroup),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
async def test_the_law_catches_a_channel_that_breaks_it(law: str, faulty: type[MemoryChannel]) -> None:
    """A law that no channel can break proves nothing."""

    def make_faulty(*, events_max: int = 1000, size_max_bytes: int = 2**24) -> MemoryChannel:
        return faulty(events_max=events_max, size_max_bytes=size_max_bytes)

    with pytest.raises((AssertionError, ChannelFull)):
        await getattr(conformance, law)(make_faulty)


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert {law.__name__ for law in LAWS} == {name for name, _ in FAULTS}


async def test_order_is_asked_only_of_those_that_promise_it() -> None:
    """A backend says by its features which laws it is judged by."""

    class Unordered(ReversesBatches):
        features = Features(ordered=False)

    await conformance.order_is_kept(lambda: Unordered(events_max=100, size_max_bytes=2**20))


@pytest.mark.looptime
async def test_a_receive_that_was_quicker_than_its_cancellation_is_no_fault() -> None:
    """A backend may hand out the event before it hears of the cancellation: then it is held, and can be given back."""

    class Quick(MemoryChannel):
        async def publish(self, events: Sequence[Event]) -> list[Position]:
            positions = await super().publish(events)
            await asyncio.sleep(0)
            return positions

    await conformance.a_cancelled_receive_holds_nothing(lambda: Quick(events_max=100, size_max_bytes=2**20))


async def test_a_receive_that_brings_more_than_asked_for_is_told() -> None:
    """What every law receives with looks at the number."""

    class Greedy(Wrapped):
        async def receive(self, max_events: int) -> list[Delivery]:
            return await self.below.receive(max_events + 1)

    async with MemoryChannel(events_max=9, size_max_bytes=2**20) as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        with pytest.raises(AssertionError, match="2 events came, asked for were 1"):
            await receive(Greedy(member), 1)
