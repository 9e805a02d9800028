"""Each law about what queues hold is shown to catch a channel that breaks it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from channels import conformance_queue as laws
from channels.contract import Delivery, Queue, Start
from channels.memory import MemoryChannel
from channels.memory_group import Member
from channels.witness import Law
from tests.channels.faulty import Wrapped, WrappedQueue, assert_caught, name_of, with_members, with_queues


class Parks(WrappedQueue):
    """Parks as the arguments say that `change` makes of the ones that were given."""

    def park(
        self, deliveries: Sequence[Delivery], *, after_s: float = 0.0, attempts: int = 0, note: bytes = b""
    ) -> None:
        self.below.park(deliveries, **self.change({"after_s": after_s, "attempts": attempts, "note": note}))

    def change(self, arguments: dict[str, object]) -> dict[str, object]:
        return arguments


class ForgetsTheNote(Parks):
    def change(self, arguments: dict[str, object]) -> dict[str, object]:
        return arguments | {"note": b""}


class ForgetsTheAttempts(Parks):
    def change(self, arguments: dict[str, object]) -> dict[str, object]:
        return arguments | {"attempts": 0}


class KnowsNoLater(Parks):
    def change(self, arguments: dict[str, object]) -> dict[str, object]:
        return arguments | {"after_s": 0.0}


class ForgetsTheTtl(WrappedQueue):
    async def take(self, max_events: int) -> list:
        taken = await super().take(max_events)
        for one in taken:
            one.event = one.event.with_ttl(None)
        return taken


class ParksAndSettles(WrappedQueue):
    def park(self, deliveries: Sequence[Delivery], **arguments: object) -> None:
        self.below.park(deliveries, **arguments)
        self.member.ack(deliveries)


class SaysTooLate(WrappedQueue):
    @property
    def due_in_s(self) -> float | None:
        due_in_s = self.below.due_in_s
        return None if due_in_s is None else due_in_s + 1.0


class AlwaysWorthAsking(WrappedQueue):
    @property
    def due_in_s(self) -> float | None:
        return 0.0


class TakesTheYoungestFirst(WrappedQueue):
    async def take(self, max_events: int) -> list:
        every = await super().take(1000)
        chosen = every[::-1][:max_events]
        self.member.nack([one for one in every if one not in chosen])
        return chosen


class AlwaysOrdered(Wrapped):
    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        return super().queue(name, is_ordered=True)


class NeverOrdered(Wrapped):
    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        return super().queue(name)


class PassesTheFirst(WrappedQueue):
    """Takes what is due, wherever it stands."""

    async def take(self, max_events: int) -> list:
        shelf = self.below._shelves.by_name[self.below._name]
        first = min(shelf.heap, default=None)
        if first is None or first[2].due_s <= self.below._shelves.now_s():
            return await super().take(max_events)
        shelf.heap.remove(first)
        taken = await super().take(max_events)
        shelf.heap.append(first)
        shelf.heap.sort()
        return taken


class OneQueue(Wrapped):
    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        return super().queue("one", is_ordered=is_ordered)


class QueuesOfTheChannel(MemoryChannel):
    """Known by their names alone, whatever the group is."""

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member]:
        async with super().subscribe(group, start=start) as member:
            member._group.shelves = self.__dict__.setdefault("shelves", member._group.shelves)
            yield member


class QueuesOfMembers(MemoryChannel):
    """Known by their names and members."""

    @asynccontextmanager
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Wrapped]:
        async with super().subscribe(group, start=start) as member:

            class Own(Wrapped):
                def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
                    return super().queue(f"{name}{id(member)}", is_ordered=is_ordered)

            yield Own(member, self)


class NamesEachQueueEver(Wrapped):
    def __init__(self, below: Member, channel: MemoryChannel) -> None:
        super().__init__(below, channel)
        self.names: set[str] = set()

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        self.names.add(name)
        return super().queue(name, is_ordered=is_ordered)

    @property
    def queues(self) -> Mapping[str, Queue]:
        return {name: self.queue(name) for name in sorted(self.names)}


class CountsWhatIsNotTaken(WrappedQueue):
    @property
    def events(self) -> int:
        return self.below.events - self.below._shelves.taken


class CountsWhatWasTaken(WrappedQueue):
    @property
    def waiting(self) -> int:
        return self.below.events


class ParkedWeighsNothing(MemoryChannel):
    def _charge(self, events: int, size_bytes: int) -> None:
        pass


class RefusesWhenFull(Wrapped):
    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        statistics = self.channel.statistics

        class Refusing(WrappedQueue):
            def park(self, deliveries: Sequence[Delivery], **arguments: object) -> None:
                for delivery in deliveries:
                    if statistics().events < statistics().events_max:
                        super().park([delivery], **arguments)

        return Refusing(self.below.queue(name, is_ordered=is_ordered), self.below)


FAULTS: list[tuple[Law, type[MemoryChannel]]] = [
    (laws.what_was_parked_comes_back, with_queues(ForgetsTheNote)),
    (laws.what_was_parked_comes_back, with_queues(ForgetsTheAttempts)),
    (laws.what_was_parked_comes_back, with_queues(ForgetsTheTtl)),
    (laws.what_is_parked_is_a_copy, with_queues(ParksAndSettles)),
    (laws.nothing_is_due_before_its_time, with_queues(KnowsNoLater)),
    (laws.nothing_is_due_before_its_time, with_queues(SaysTooLate)),
    (laws.a_queue_says_when_it_is_worth_asking, with_queues(AlwaysWorthAsking)),
    (laws.a_queue_says_when_it_is_worth_asking, with_queues(SaysTooLate)),
    (laws.those_due_first_come_first, with_queues(KnowsNoLater)),
    (laws.those_due_first_come_first, with_queues(TakesTheYoungestFirst)),
    (laws.what_is_due_does_not_wait_for_what_is_not, with_members(AlwaysOrdered)),
    (laws.what_is_due_does_not_wait_for_what_is_not, with_queues(KnowsNoLater)),
    (laws.an_ordered_queue_gives_the_lowest_position_first, with_members(NeverOrdered)),
    (laws.an_ordered_queue_waits_for_its_first, with_members(NeverOrdered)),
    (laws.an_ordered_queue_waits_for_its_first, with_queues(PassesTheFirst)),
    (laws.queues_are_known_by_name_within_their_group, with_members(OneQueue)),
    (laws.queues_are_known_by_name_within_their_group, QueuesOfTheChannel),
    (laws.queues_are_known_by_name_within_their_group, QueuesOfMembers),
    (laws.only_what_holds_something_is_a_queue, with_members(NamesEachQueueEver)),
    (laws.what_is_parked_is_counted, ParkedWeighsNothing),
    (laws.what_is_parked_is_counted, with_queues(CountsWhatIsNotTaken)),
    (laws.what_nobody_took_is_counted, with_queues(CountsWhatWasTaken)),
    (laws.parking_is_never_refused, with_members(RefusesWhenFull)),
    (laws.parking_is_never_refused, ParkedWeighsNothing),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_channel_that_breaks_it(law: Law, faulty: type[MemoryChannel]) -> None:
    """A law that no channel can break proves nothing."""
    await assert_caught(law, faulty)


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS}
