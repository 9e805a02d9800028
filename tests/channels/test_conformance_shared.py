"""Each law about several processes is shown to catch a channel that breaks it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from channels import conformance_shared as laws
from channels.contract import ChannelStatistics, Delivery, Start
from channels.errors import ChannelFull
from channels.event import Event
from channels.memory import MemoryChannel
from channels.witness import Law
from tests.channels.faulty import name_of
from tests.channels.sharing import Shared, SharedChannel, SharedMember, factory_of_shared


class Alone(SharedChannel):
    """Has a storage of its own."""

    def __init__(self, shared: Shared, **bounds: int) -> None:
        super().__init__(Shared(MemoryChannel(**bounds)), **bounds)


class GivesTwice(SharedChannel):
    class Member(SharedMember):
        async def receive(self, max_events: int) -> list[Delivery]:
            taken = await super().receive(max_events)
            if self.channel is not self.channel.shared.processes[0]:
                self.nack(taken)
            return taken

    member_kind = Member


class AdoptsNothing(SharedChannel):
    def adopt(self, group: str) -> None:
        pass


class ForgetsTheAttempts(SharedChannel):
    def adopt_one(self, shelves: Any, name: str, kept: Any, *, is_ordered: bool) -> None:
        kept.attempts = 0
        super().adopt_one(shelves, name, kept, is_ordered=is_ordered)


class ForgetsTheNote(SharedChannel):
    def adopt_one(self, shelves: Any, name: str, kept: Any, *, is_ordered: bool) -> None:
        kept.note = b""
        super().adopt_one(shelves, name, kept, is_ordered=is_ordered)


class ForgetsTheTime(SharedChannel):
    def adopt_one(self, shelves: Any, name: str, kept: Any, *, is_ordered: bool) -> None:
        kept.due_s = 0
        super().adopt_one(shelves, name, kept, is_ordered=is_ordered)


class BeginsTheTimeAnew(SharedChannel):
    def adopt_one(self, shelves: Any, name: str, kept: Any, *, is_ordered: bool) -> None:
        kept.due_s += 1
        super().adopt_one(shelves, name, kept, is_ordered=is_ordered)


class VanishesWithAll(SharedChannel):
    """What a killed process had stays its own."""

    async def vanish(self) -> None:
        self.is_open = False


class AcksWhatIsAnothers(SharedChannel):
    class Member(SharedMember):
        def ack(self, deliveries: Sequence[Delivery]) -> None:
            positions = {one.position for one in deliveries}
            for process in self.channel.shared.processes:
                for member in process.members:
                    member.below.ack([one for one in member.below._held if one.position in positions])

    member_kind = Member


class TellsNobody(SharedChannel):
    def tell(self, group: str) -> None:
        pass


class GroupsOfProcesses(SharedChannel):
    def subscribe(self, group: str, *, start: Start = "latest") -> AbstractAsyncContextManager[SharedMember]:
        return super().subscribe(self.mark + group, start=start)

    def forget(self, group: str) -> None:
        super().forget(self.mark + group)


class ForgetsNobody(SharedChannel):
    def forget(self, group: str) -> None:
        pass


class RemembersAlone(SharedChannel):
    def __init__(self, shared: Shared, **bounds: int) -> None:
        super().__init__(shared, **bounds)
        self.mine: dict[str, bytes] = {}

    def remember(self, name: str, value: bytes | None) -> None:
        self.mine.pop(name, None)
        if value is not None:
            self.mine[name] = value

    @property
    def remembered(self) -> Mapping[str, bytes]:
        return self.mine


class CountsAlone(SharedChannel):
    stored = 0

    async def publish(self, events: Sequence[Event]) -> list[int]:
        self.stored += len(events)
        return await super().publish(events)

    def statistics(self) -> ChannelStatistics:
        return replace(super().statistics(), stored=self.stored)


class HasABoundOfItsOwn(SharedChannel):
    async def publish(self, events: Sequence[Event]) -> list[int]:
        self.shared.below._events_max += len(events)
        return await super().publish(events)


FAULTS: list[tuple[Law, type[SharedChannel]]] = [
    (laws.what_one_publishes_another_receives, Alone),
    (laws.two_processes_never_hold_one_delivery, GivesTwice),
    (laws.what_a_leaving_process_had_comes_to_another, AdoptsNothing),
    (laws.what_a_leaving_process_had_comes_to_another, ForgetsTheAttempts),
    (laws.what_a_leaving_process_had_comes_to_another, ForgetsTheNote),
    (laws.what_a_leaving_process_had_comes_to_another, ForgetsTheTime),
    (laws.what_a_leaving_process_had_comes_to_another, BeginsTheTimeAnew),
    (laws.what_a_vanished_process_had_comes_to_another, AdoptsNothing),
    (laws.what_a_vanished_process_had_comes_to_another, VanishesWithAll),
    (laws.an_ack_of_what_was_lost_does_nothing, AcksWhatIsAnothers),
    (laws.an_ack_of_what_was_lost_does_nothing, VanishesWithAll),
    (laws.who_watches_is_told_of_what_another_left, AdoptsNothing),
    (laws.who_watches_is_told_of_what_another_left, ForgetsTheAttempts),
    (laws.who_watches_is_told_of_what_another_left, TellsNobody),
    (laws.groups_are_those_of_all, GroupsOfProcesses),
    (laws.groups_are_those_of_all, ForgetsNobody),
    (laws.what_one_remembers_all_remember, RemembersAlone),
    (laws.counts_are_those_of_all, CountsAlone),
    (laws.a_bound_is_that_of_all, HasABoundOfItsOwn),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_channel_that_breaks_it(law: Law, faulty: type[SharedChannel]) -> None:
    """A law that no channel can break proves nothing."""
    await law(factory_of_shared())
    with pytest.raises((AssertionError, ChannelFull)):
        await law(factory_of_shared(faulty))


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS}
