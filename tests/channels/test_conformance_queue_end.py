"""Each law about what was taken out of a queue is shown to catch a channel that breaks it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from channels import conformance_queue_end as laws
from channels.contract import Delivery, Start
from channels.errors import ChannelUnavailable
from channels.memory import MemoryChannel
from channels.memory_group import Member
from channels.memory_queue import Kept
from channels.witness import Law
from tests.channels.faulty import Wrapped, WrappedQueue, assert_caught, name_of, with_members, with_queues


class LooksAndLeaves(WrappedQueue):
    """Gives out what it still has."""

    async def take(self, max_events: int) -> list:
        taken = await super().take(max_events)
        self.member.nack(taken)
        return taken


class SettlesOnlyTheLog(Wrapped):
    def ack(self, deliveries: Sequence[Delivery]) -> None:
        super().ack([delivery for delivery in deliveries if not isinstance(delivery, Kept)])


class CountsEachAck(Wrapped):
    def ack(self, deliveries: Sequence[Delivery]) -> None:
        for kept in deliveries:
            if isinstance(kept, Kept):
                self.group.shelves._count(kept.shelf, -1, -kept.size_bytes)
        super().ack(deliveries)


class NacksAsNever(Wrapped):
    """Parked anew, and never tried."""

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        for kept in deliveries:
            if isinstance(kept, Kept):
                self.below.queue(kept.shelf.name).park([kept])
                self.below.ack([kept])
            else:
                self.below.nack([kept])


class NacksAsTheSame(Wrapped):
    """The holder's own objects are on the shelf again: what it says of them later is heard."""

    def nack(self, deliveries: Sequence[Delivery]) -> None:
        for kept in self.group.shelves._given_up(deliveries, self.below):
            kept.shelf.put(kept)


class KeepsWhatItTook(MemoryChannel):
    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        async with super().subscribe(group, start=start) as member:
            yield member
            for shelf in member._group.shelves.by_name.values():
                shelf.taken = dict.fromkeys(shelf.taken)


class ReturnsItToTheLog(MemoryChannel):
    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        async with super().subscribe(group, start=start) as member:
            yield member
            for shelf in [*member._group.shelves.by_name.values()]:
                taken = [kept for kept, holder in shelf.taken.items() if holder is member]
                member._group.take_back(taken)
                member.ack(taken)


class AnybodySettles(Wrapped):
    def ack(self, deliveries: Sequence[Delivery]) -> None:
        super().ack(deliveries)
        for kept in deliveries:
            if isinstance(kept, Kept) and kept in kept.shelf.taken:
                self.group.shelves.settle([kept], kept.shelf.taken[kept])


class ParksOnce(WrappedQueue):
    """Never an event that it has."""

    def park(self, deliveries: Sequence[Delivery], **arguments: object) -> None:
        if not any(isinstance(kept, Kept) and kept.shelf.name == self.below._name for kept in deliveries):
            super().park(deliveries, **arguments)


class ClearsWhatIsNotTaken(WrappedQueue):
    def clear(self) -> int:
        shelf = self.below._shelves.by_name.get(self.below._name)
        settled = [] if shelf is None else [kept for _, _, kept in shelf.heap]
        for kept in settled:
            shelf.heap.clear()
            self.below._shelves._count(shelf, -1, -kept.size_bytes)
        return len(settled)


class TakesInATask(WrappedQueue):
    """Which a cancelled take leaves behind."""

    async def take(self, max_events: int) -> list:
        async def work() -> list:
            await asyncio.sleep(0)
            return await self.below.take(max_events)

        return await asyncio.shield(asyncio.ensure_future(work()))


class NothingComesFromTheClosed(WrappedQueue):
    async def take(self, max_events: int) -> list:
        try:
            return await super().take(max_events)
        except ChannelUnavailable:
            return []


FAULTS: list[tuple[Law, type[MemoryChannel]]] = [
    (laws.no_two_members_take_one_delivery, with_queues(LooksAndLeaves)),
    (laws.taken_ones_are_settled_by_an_ack, with_members(SettlesOnlyTheLog)),
    (laws.taken_ones_are_settled_by_an_ack, with_members(CountsEachAck)),
    (laws.nacked_ones_return_to_their_queue, with_members(NacksAsNever)),
    (laws.nacked_ones_return_to_their_queue, with_members(NacksAsTheSame)),
    (laws.a_leaving_member_returns_what_it_took, KeepsWhatItTook),
    (laws.a_leaving_member_returns_what_it_took, ReturnsItToTheLog),
    (laws.nobody_settles_what_another_took, with_members(AnybodySettles)),
    (laws.a_taken_one_may_be_parked_again, with_queues(ParksOnce)),
    (laws.a_cleared_queue_is_as_if_it_had_never_been, with_queues(ClearsWhatIsNotTaken)),
    (laws.a_cancelled_take_holds_nothing, with_queues(TakesInATask)),
    (laws.nothing_is_taken_from_a_closed_channel, with_queues(NothingComesFromTheClosed)),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_channel_that_breaks_it(law: Law, faulty: type[MemoryChannel]) -> None:
    """A law that no channel can break proves nothing."""
    await assert_caught(law, faulty)


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS}
