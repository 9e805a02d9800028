"""Each law about starts in the past is shown to catch a channel that breaks it."""

from datetime import datetime

import pytest

from channels import conformance_replay as laws
from channels.contract import Delivery, Features, Start
from channels.memory import MemoryChannel
from channels.memory_group import Group
from channels.witness import Law
from tests.channels.durable import DurableChannel
from tests.channels.faulty import Wrapped, assert_caught, name_of, with_members


class AlwaysFromTheBeginning(DurableChannel):
    def past(self, start: Start) -> list[Delivery]:
        return super().past("earliest")


class NeverFromThePast(DurableChannel):
    def past(self, start: Start) -> list[Delivery]:
        return []


class ReplaysInSecret(DurableChannel):
    features = Features(persistent=True, durable=True, ordered=True)


class LeavesOutTheFirst(DurableChannel):
    def past(self, start: Start) -> list[Delivery]:
        past = super().past(start)
        return past if start == "earliest" else past[1:]


class KnowsNoTimeZones(DurableChannel):
    def past(self, start: Start) -> list[Delivery]:
        return super().past(start.replace(tzinfo=None) if isinstance(start, datetime) else start)


class ReplaysBackwards(DurableChannel):
    def past(self, start: Start) -> list[Delivery]:
        return super().past(start)[::-1]


class LivesInThePast(Wrapped):
    """Says that nothing is left while the past is being read."""

    @property
    def lag(self) -> int:
        return 0


class HoldsNothingForTheLate(DurableChannel):
    def hold(self, group: Group, delivery: Delivery) -> None:
        group.fresh.append(delivery)


FAULTS: list[tuple[Law, type[MemoryChannel]]] = [
    (laws.latest_is_what_comes_from_now_on, AlwaysFromTheBeginning),
    (laws.earliest_is_all_that_is_kept, NeverFromThePast),
    (laws.earliest_is_all_that_is_kept, ReplaysInSecret),
    (laws.a_position_is_the_first_of_a_group, LeavesOutTheFirst),
    (laws.a_position_is_the_first_of_a_group, AlwaysFromTheBeginning),
    (laws.a_time_is_that_of_the_storing, KnowsNoTimeZones),
    (laws.a_time_is_that_of_the_storing, AlwaysFromTheBeginning),
    (laws.what_a_start_brings_is_whole_and_in_order, ReplaysBackwards),
    (laws.what_a_start_brings_is_whole_and_in_order, with_members(LivesInThePast, DurableChannel)),
    (laws.a_group_with_a_start_settles_for_itself, HoldsNothingForTheLate),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_channel_that_breaks_it(law: Law, faulty: type[MemoryChannel]) -> None:
    """A law that no channel can break proves nothing."""
    await assert_caught(law, faulty)


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS}
