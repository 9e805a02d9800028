"""Each law about groups that are made sure of is shown to catch a channel that breaks it."""

import asyncio

import pytest

from channels import conformance_ensure as laws
from channels.contract import Delivery, Start
from channels.errors import ChannelUnavailable
from channels.memory import MemoryChannel
from channels.witness import Law
from tests.channels.durable import DurableChannel
from tests.channels.faulty import assert_caught, name_of
from tests.channels.sharing import SharedChannel, factory_of_shared


class EnsuresNothing(MemoryChannel):
    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        pass


class EnsuresTheLatest(DurableChannel):
    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        await super().ensure(group)


class EnsuresForItself(DurableChannel):
    """Until it ends."""

    async def __aexit__(self, *exc: object) -> None:
        self._groups.clear()
        await super().__aexit__(*exc)


class EnsuresAnew(MemoryChannel):
    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        self.forget(group)
        await super().ensure(group)


class EnsuresFromTheStart(DurableChannel):
    """A group that is there begins where it is said to as well."""

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        await super().ensure(group)
        for delivery in self.past(start):
            self.hold(self._groups[group], delivery)


class GivesOutAgain(DurableChannel):
    """As if somebody had joined, and those who hold something had vanished."""

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        await super().ensure(group)
        past = self.past("earliest")
        again = [Delivery(one.event, one.position + len(past), one.size_bytes) for one in past]
        self._groups[group].fresh.extend(again)


class Joins(SharedChannel):
    """And leaves, which those who are there have to wait for."""

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        await super().ensure(group)
        for process in self.shared.processes:
            for member in process.members if process is not self else ():
                for watcher in member.watchers:
                    watcher.give_way()


class TakesOver(SharedChannel):
    """What others hold comes again."""

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        await super().ensure(group)
        for process in self.shared.processes:
            for member in process.members:
                member.below.nack([*member.below._held])


class LooksFirst(SharedChannel):
    """Whether there is such a group, and makes one a moment later, whatever was done meanwhile."""

    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        if not self.is_open:
            raise ChannelUnavailable("closed")
        is_new = group not in self.shared.below._groups
        await asyncio.sleep(0.01 * (self.shared.processes.index(self) + 1))
        if is_new:
            self.shared.below.forget(group)
            await self.shared.below.ensure(group)


FAULTS: list[tuple[Law, type[MemoryChannel]]] = [
    (laws.an_ensured_group_gets_what_comes, EnsuresNothing),
    (laws.an_ensured_group_begins_where_it_is_to, EnsuresTheLatest),
    (laws.an_ensured_group_outlives_its_process, EnsuresForItself),
    (laws.ensuring_again_changes_nothing, EnsuresAnew),
    (laws.ensuring_again_changes_nothing, EnsuresFromTheStart),
    (laws.ensuring_disturbs_no_member, GivesOutAgain),
]
SHARED_FAULTS: list[tuple[Law, type[SharedChannel]]] = [
    (laws.another_process_that_ensures_disturbs_no_member, Joins),
    (laws.another_process_that_ensures_disturbs_no_member, TakesOver),
    (laws.processes_that_ensure_at_once_lose_nothing, LooksFirst),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_channel_that_breaks_it(law: Law, faulty: type[MemoryChannel]) -> None:
    """A law that no channel can break proves nothing."""
    await assert_caught(law, faulty)


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), SHARED_FAULTS, ids=name_of)
async def test_the_law_catches_processes_that_break_it(law: Law, faulty: type[SharedChannel]) -> None:
    """The same of several."""
    await law(factory_of_shared())
    with pytest.raises(AssertionError):
        await law(factory_of_shared(faulty))


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The lists above leave none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS} | {law for law, _ in SHARED_FAULTS}
