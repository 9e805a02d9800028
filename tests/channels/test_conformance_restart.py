"""Each law about a restart of the log is shown to catch a channel that breaks it."""

from collections.abc import Callable
from typing import Self

import pytest

from channels import conformance_restart as laws
from channels.memory_group import Group
from channels.witness import Law
from tests.channels.durable import DurableChannel, SavedGroup
from tests.channels.faulty import assert_caught, name_of


class LosesTheTtl(DurableChannel):
    def restore(self, group: Group, saved: SavedGroup) -> None:
        for delivery in saved.unsettled:
            delivery.event = delivery.event.with_ttl(None)
        super().restore(group, saved)


class LosesWhatWasReceived(DurableChannel):
    def save(self, name: str, group: Group) -> SavedGroup:
        group.returned.clear()
        return super().save(name, group)


class NumbersAnew(DurableChannel):
    def restore(self, group: Group, saved: SavedGroup) -> None:
        for delivery in saved.unsettled:
            delivery.position += 100
        super().restore(group, saved)


class ReturnedOnesComeLast(DurableChannel):
    def save(self, name: str, group: Group) -> SavedGroup:
        saved = super().save(name, group)
        saved.unsettled = group.unsettled
        return saved


class CommitsUpToTheFirstGap(DurableChannel):
    """Like a log that keeps one position for each group."""

    def save(self, name: str, group: Group) -> SavedGroup:
        saved = super().save(name, group)
        if saved.unsettled:
            saved.unsettled = self.past(saved.unsettled[0].position)
        return saved


class LosesGroups(DurableChannel):
    def restore(self, group: Group, saved: SavedGroup) -> None:
        """Nothing."""


class RemembersTheForgotten(DurableChannel):
    def forget(self, group: str) -> None:
        gone = self._groups[group]
        super().forget(group)
        self._groups[group] = Group(self._charge)
        self.restore(self._groups[group], SavedGroup(self.past("earliest"), []))
        gone.close()


class LosesTheLog(DurableChannel):
    async def __aenter__(self) -> Self:
        self.storage.log.clear()
        return await super().__aenter__()


class CountsAnew(DurableChannel):
    async def __aenter__(self) -> Self:
        self.storage.position = 0
        return await super().__aenter__()


class LosesWhatWasRemembered(DurableChannel):
    async def __aenter__(self) -> Self:
        self.storage.remembered.clear()
        return await super().__aenter__()


class RemembersWhatIsNoMore(DurableChannel):
    async def __aexit__(self, *exc: object) -> None:
        before = self.storage.remembered
        await super().__aexit__(*exc)
        self.storage.remembered = before | self.storage.remembered


class NeverAsks(DurableChannel):
    def before_commit(self, do: Callable[[], None]) -> None:
        pass


class AsksTooLate(DurableChannel):
    """What is said then is forgotten."""

    def before_commit(self, do: Callable[[], None]) -> None:
        def forgotten() -> None:
            do()
            self._remembered.clear()

        super().before_commit(forgotten)


FAULTS: list[tuple[Law, type[DurableChannel]]] = [
    (laws.events_survive_a_restart, LosesTheTtl),
    (laws.events_survive_a_restart, LosesWhatWasReceived),
    (laws.events_survive_a_restart, NumbersAnew),
    (laws.order_survives_a_restart, ReturnedOnesComeLast),
    (laws.what_was_acked_does_not_come_back, CommitsUpToTheFirstGap),
    (laws.groups_survive_a_restart, LosesGroups),
    (laws.groups_survive_a_restart, RemembersTheForgotten),
    (laws.what_is_kept_over_a_restart_may_be_read_by_a_new_group, LosesTheLog),
    (laws.counts_go_on_after_a_restart, CountsAnew),
    (laws.counts_go_on_after_a_restart, LosesGroups),
    (laws.what_is_remembered_survives_a_restart, LosesWhatWasRemembered),
    (laws.what_is_remembered_survives_a_restart, RemembersWhatIsNoMore),
    (laws.what_a_commit_asked_for_is_part_of_it, NeverAsks),
    (laws.what_a_commit_asked_for_is_part_of_it, AsksTooLate),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_channel_that_breaks_it(law: Law, faulty: type[DurableChannel]) -> None:
    """A law that no channel can break proves nothing."""
    await assert_caught(law, faulty)


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS}
