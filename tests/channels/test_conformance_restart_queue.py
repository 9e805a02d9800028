"""Each law about a restart of queues is shown to catch a channel that breaks it."""

from collections.abc import Sequence
from typing import Any

import pytest

from channels import conformance_restart_queue as laws
from channels.contract import Delivery
from channels.memory_group import Group
from channels.memory_queue import Kept
from channels.witness import Law
from tests.channels.durable import DurableChannel, SavedGroup
from tests.channels.faulty import Wrapped, WrappedQueue, assert_caught, name_of, with_members


class LosesQueues(DurableChannel):
    def restore_parked(self, group: Group, name: str, kept: Kept, is_ordered: bool) -> None:
        """Nothing."""


class LosesTheNote(DurableChannel):
    def restore_parked(self, group: Group, name: str, kept: Kept, is_ordered: bool) -> None:
        kept.note = b""
        super().restore_parked(group, name, kept, is_ordered)


class LosesTheAttempts(DurableChannel):
    def restore_parked(self, group: Group, name: str, kept: Kept, is_ordered: bool) -> None:
        kept.attempts = 0
        super().restore_parked(group, name, kept, is_ordered)


class BringsItToTheLogAsWell(DurableChannel):
    def restore_parked(self, group: Group, name: str, kept: Kept, is_ordered: bool) -> None:
        super().restore_parked(group, name, kept, is_ordered)
        self.hold(group, kept)


class DueAtOnce(DurableChannel):
    def restore_parked(self, group: Group, name: str, kept: Kept, is_ordered: bool) -> None:
        kept.due_s = 0.0
        super().restore_parked(group, name, kept, is_ordered)


class ComesAsItWasParked(DueAtOnce):
    def save(self, name: str, group: Group) -> SavedGroup:
        saved = super().save(name, group)
        saved.parked.sort(key=lambda one: one[2].sequence)
        return saved


class WaitsAnew(DurableChannel):
    def restore_parked(self, group: Group, name: str, kept: Kept, is_ordered: bool) -> None:
        kept.due_s += 1.0
        super().restore_parked(group, name, kept, is_ordered)


class LosesTheOrder(DurableChannel):
    def restore_parked(self, group: Group, name: str, kept: Kept, is_ordered: bool) -> None:
        super().restore_parked(group, name, kept, is_ordered=False)


class LosesWhatIsTaken(DurableChannel):
    """As if taking were settling, where storing is concerned."""

    def save(self, name: str, group: Group) -> SavedGroup:
        saved = super().save(name, group)
        saved.parked = [one for one in saved.parked if one[2].sequence not in self.taken]
        return saved

    @property
    def taken(self) -> set[int]:
        return self.__dict__.setdefault("sequences", set())


class TellsWhatItTakes(Wrapped):
    def queue(self, name: str, *, is_ordered: bool = False) -> WrappedQueue:
        sequences = self.channel.taken

        class Telling(WrappedQueue):
            async def take(self, max_events: int) -> list:
                taken = await super().take(max_events)
                sequences.update(kept.sequence for kept in taken)
                return taken

        return Telling(self.below.queue(name, is_ordered=is_ordered), self.below)


class Haunted(DurableChannel):
    """Stores what its members put into `ghosts` once more."""

    def __init__(self, *arguments: Any, **bounds: Any) -> None:
        super().__init__(*arguments, **bounds)
        self.ghosts: list[tuple[str, bool, Kept]] = []

    def save(self, name: str, group: Group) -> SavedGroup:
        saved = super().save(name, group)
        saved.parked += self.ghosts
        return saved


class AcksOfTakenOnesAreNotStored(Wrapped):
    def ack(self, deliveries: Sequence[Delivery]) -> None:
        super().ack(deliveries)
        self.channel.ghosts += [("q", False, kept) for kept in deliveries if isinstance(kept, Kept)]


class ClearsAreNotStored(Wrapped):
    def queue(self, name: str, *, is_ordered: bool = False) -> WrappedQueue:
        channel = self.channel

        class Clearing(WrappedQueue):
            def clear(self) -> int:
                shelf = self.below._shelves.by_name[name]
                channel.ghosts += [(name, False, kept) for _, _, kept in shelf.heap]
                return super().clear()

        return Clearing(self.below.queue(name, is_ordered=is_ordered), self.below)


class ForgettingIsNotStored(DurableChannel):
    def forget(self, group: str) -> None:
        """Only for as long as the process lives."""
        self._groups[f"{group} "] = self._groups.pop(group)

    async def __aexit__(self, *exc: object) -> None:
        for name in [name for name in self._groups if name.endswith(" ")]:
            self._groups[name.strip()] = self._groups.pop(name)
        await super().__aexit__(*exc)


FAULTS: list[tuple[Law, type[DurableChannel]]] = [
    (laws.what_is_parked_survives_a_restart, LosesQueues),
    (laws.what_is_parked_survives_a_restart, LosesTheNote),
    (laws.what_is_parked_survives_a_restart, LosesTheAttempts),
    (laws.what_is_parked_survives_a_restart, BringsItToTheLogAsWell),
    (laws.due_times_survive_a_restart, DueAtOnce),
    (laws.due_times_survive_a_restart, WaitsAnew),
    (laws.due_order_survives_a_restart, ComesAsItWasParked),
    (laws.an_ordered_queue_survives_a_restart, LosesTheOrder),
    (laws.what_was_taken_and_not_settled_survives, with_members(TellsWhatItTakes, LosesWhatIsTaken)),
    (laws.what_was_taken_and_not_settled_survives, with_members(AcksOfTakenOnesAreNotStored, Haunted)),
    (laws.what_is_parked_again_survives_once, with_members(AcksOfTakenOnesAreNotStored, Haunted)),
    (laws.a_cleared_queue_stays_empty_over_a_restart, with_members(ClearsAreNotStored, Haunted)),
    (laws.forgotten_queues_do_not_come_back, ForgettingIsNotStored),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_channel_that_breaks_it(law: Law, faulty: type[DurableChannel]) -> None:
    """A law that no channel can break proves nothing."""
    await assert_caught(law, faulty)


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS}
