"""Each law about groups is shown to catch a channel that breaks it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Self

import pytest

from channels import conformance_group as laws
from channels.contract import Delivery, Position, Start
from channels.event import Event
from channels.memory import MemoryChannel
from channels.memory_group import Member
from channels.witness import Law
from tests.channels.faulty import Wrapped, assert_caught, factory, name_of, with_members


class OneGroup(MemoryChannel):
    """As if all groups were one."""

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        async with super().subscribe(group and "one") as member:
            yield member


class EachMemberItsGroup(MemoryChannel):
    _members = 0

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        self._members += 1
        async with super().subscribe(f"{group}{self._members}") as member:
            yield member


class KeepsForGroupsToCome(MemoryChannel):
    async def __aenter__(self) -> Self:
        await super().__aenter__()
        async with super().subscribe("g"):
            return self


class NeverWaits(Wrapped):
    async def receive(self, max_events: int) -> list[Delivery]:
        try:
            async with asyncio.timeout(0):
                return await self.below.receive(max_events)
        except TimeoutError:
            return []


class AcksAllBefore(Wrapped):
    """Like a log that commits the highest position, whatever is missing below it."""

    def __init__(self, below: Member, channel: MemoryChannel) -> None:
        super().__init__(below, channel)
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
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Wrapped]:
        release = self._release

        class Releasing(Wrapped):
            def ack(self, deliveries: Sequence[Delivery]) -> None:
                release(deliveries)

        async with super().subscribe(group) as member:
            yield Releasing(member, self)


class AnybodySettles(MemoryChannel):
    """Asks only whether a delivery is held, and not by whom."""

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Wrapped]:
        holders = self.__dict__.setdefault("holders", [])

        class Settling(Wrapped):
            def ack(self, deliveries: Sequence[Delivery]) -> None:
                for holder in holders:
                    holder.ack(deliveries)

        async with super().subscribe(group) as member:
            holders.append(member)
            yield Settling(member, self)


class NacksToTheEnd(Wrapped):
    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.ack(deliveries)
        self.group.fresh += deliveries


class NacksInTheOrderOfTheCalls(Wrapped):
    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.ack(deliveries)
        self.group.fresh.extendleft(deliveries)


class NacksWhatWasNacked(Wrapped):
    def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.below.ack(deliveries)
        self.group.fresh.extendleft(deliveries)


class KeepsWhatItHeld(MemoryChannel):
    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        async with super().subscribe(group) as member:
            yield member
            member._held.clear()


class DropsOnCancel(Wrapped):
    """Takes in a task of its own, which a cancelled receive leaves behind."""

    async def receive(self, max_events: int) -> list[Delivery]:
        return await asyncio.shield(asyncio.ensure_future(self.below.receive(max_events)))


class BeginsAnew(MemoryChannel):
    """With each member that says where to start."""

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start | None = None) -> AsyncIterator[Member]:
        if start is not None:
            self.forget(group)
        async with super().subscribe(group) as member:
            yield member


class ForgetsNothing(MemoryChannel):
    def forget(self, group: str) -> None:
        pass


class ForgetsNoQueues(MemoryChannel):
    def forget(self, group: str) -> None:
        if group in self._groups:
            self._release(self._groups[group].unsettled)
            self._groups[group].fresh.clear()
            self._groups[group].returned.clear()


class ForgetsToRelease(MemoryChannel):
    def forget(self, group: str) -> None:
        self._groups.pop(group, None)


class CountsOnlyWhatIsFresh(Wrapped):
    @property
    def lag(self) -> int:
        return len(self.group.fresh)


class CountsWhatItHolds(Wrapped):
    @property
    def lag(self) -> int:
        return super().lag + len(self.below._held)


class HoldsWhatItHad(Wrapped):
    def holds(self, delivery: Delivery) -> bool:
        return True


FAULTS: list[tuple[Law, type[MemoryChannel]]] = [
    (laws.a_member_knows_what_it_holds, with_members(HoldsWhatItHad)),
    (laws.each_group_gets_each_event, OneGroup),
    (laws.members_of_a_group_share, EachMemberItsGroup),
    (laws.a_group_begins_with_its_first_member, KeepsForGroupsToCome),
    (laws.a_group_outlives_its_members, EachMemberItsGroup),
    (laws.receive_waits_for_an_event, with_members(NeverWaits)),
    (laws.acks_come_in_any_order, with_members(AcksAllBefore)),
    (laws.acking_twice_is_acking_once, CountsEachAck),
    (laws.nobody_settles_what_another_holds, AnybodySettles),
    (laws.nacked_events_come_ahead_of_younger, with_members(NacksToTheEnd)),
    (laws.nacked_events_come_ahead_of_younger, with_members(NacksInTheOrderOfTheCalls)),
    (laws.nacking_twice_is_nacking_once, with_members(NacksWhatWasNacked)),
    (laws.a_leaving_member_returns_what_it_holds, KeepsWhatItHeld),
    (laws.a_cancelled_receive_holds_nothing, with_members(DropsOnCancel)),
    (laws.an_old_group_goes_on, BeginsAnew),
    (laws.a_forgotten_group_is_no_more, ForgetsNothing),
    (laws.a_forgotten_group_is_no_more, ForgetsNoQueues),
    (laws.a_group_that_nobody_else_needs_is_forgotten_whole, ForgetsToRelease),
    (laws.lag_is_what_nobody_has, with_members(CountsOnlyWhatIsFresh)),
    (laws.lag_is_what_nobody_has, with_members(CountsWhatItHolds)),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_channel_that_breaks_it(law: Law, faulty: type[MemoryChannel]) -> None:
    """A law that no channel can break proves nothing."""
    await assert_caught(law, faulty)


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS}


@pytest.mark.looptime
async def test_a_receive_that_was_quicker_than_its_cancellation_is_no_fault() -> None:
    """A backend may hand out the event before it hears of the cancellation: then it is held, and can be given back."""

    class Quick(MemoryChannel):
        async def publish(self, events: Sequence[Event]) -> list[Position]:
            positions = await super().publish(events)
            await asyncio.sleep(0)
            return positions

    await laws.a_cancelled_receive_holds_nothing(factory(Quick))
