"""Each law about what is published is shown to catch a channel that breaks it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from channels import conformance_log as laws
from channels.contract import Delivery, Features, Position, Receipt, Start
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.memory import MemoryChannel
from channels.memory_group import Member
from channels.witness import Law
from tests.channels.faulty import Wrapped, assert_caught, factory, name_of, with_members


class ForgetsTheTtl(MemoryChannel):
    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        super().submit([event.with_ttl(None) for event in events], receipt)

    async def publish(self, events: Sequence[Event]) -> list[Position]:
        return await super().publish([event.with_ttl(None) for event in events])


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
    async def subscribe(self, group: str, *, start: Start = "latest") -> AsyncIterator[Member | None]:
        if self._is_open:
            async with super().subscribe(group) as member:
                yield member
        else:
            yield None


class EnsuresWhenClosed(MemoryChannel):
    async def ensure(self, group: str, *, start: Start = "latest") -> None:
        if self._is_open:
            await super().ensure(group)


class ReleasesWithTheFirstGroup(MemoryChannel):
    def _is_last(self, position: Position) -> bool:
        return True


class ComplainsAfterTheEnd(Wrapped):
    def ack(self, deliveries: Sequence[Delivery]) -> None:
        if self.group.is_closed:
            raise ChannelUnavailable("closed")
        super().ack(deliveries)


class RemembersForEver(MemoryChannel):
    def remember(self, name: str, value: bytes | None) -> None:
        super().remember(name, value or b"")


class RemembersTheFirst(MemoryChannel):
    def remember(self, name: str, value: bytes | None) -> None:
        if value is None or name not in self.remembered:
            super().remember(name, value)


class AsksWithoutCommits(MemoryChannel):
    def before_commit(self, do: Callable[[], None]) -> None:
        do()


class NeverAsks(MemoryChannel):
    features = Features(persistent=True, durable=True, ordered=True)


FAULTS: list[tuple[Law, type[MemoryChannel]]] = [
    (laws.bytes_are_kept, ForgetsTheTtl),
    (laws.positions_grow, ForgetsPositions),
    (laws.order_is_kept, ReversesBatches),
    (laws.a_receipt_is_told_once, TellsTwice),
    (laws.a_cancelled_publish_is_all_or_nothing, PublishesOneByOne),
    (laws.a_full_channel_pushes_back_and_heals, Unbounded),
    (laws.a_full_channel_pushes_back_and_heals, NeverHeals),
    (laws.a_heavy_channel_pushes_back, Weightless),
    (laws.a_batch_is_stored_whole_or_not_at_all, PublishesOneByOne),
    (laws.a_closed_channel_is_unavailable, StaysOpen),
    (laws.a_closed_channel_is_unavailable, ForgetsWhoWaits),
    (laws.a_closed_channel_is_unavailable, TakesWhenClosed),
    (laws.a_closed_channel_is_unavailable, IsJoinedWhenClosed),
    (laws.a_closed_channel_is_unavailable, EnsuresWhenClosed),
    (laws.owed_verbs_never_fail, with_members(ComplainsAfterTheEnd)),
    (laws.statistics_count_what_is_held, ReleasesWithTheFirstGroup),
    (laws.what_is_remembered_is_told, RemembersForEver),
    (laws.what_is_remembered_is_told, RemembersTheFirst),
    (laws.commits_ask_first, AsksWithoutCommits),
    (laws.commits_ask_first, NeverAsks),
]


@pytest.mark.looptime
@pytest.mark.parametrize(("law", "faulty"), FAULTS, ids=name_of)
async def test_the_law_catches_a_channel_that_breaks_it(law: Law, faulty: type[MemoryChannel]) -> None:
    """A law that no channel can break proves nothing."""
    await assert_caught(law, faulty)


def test_every_law_has_a_channel_that_breaks_it() -> None:
    """The list above leaves none out."""
    assert set(laws.LAWS) == {law for law, _ in FAULTS}


async def test_order_is_asked_only_of_those_that_promise_it() -> None:
    """A backend says by its features which laws it is judged by."""

    class Unordered(ReversesBatches):
        features = Features(ordered=False)

    await laws.order_is_kept(factory(Unordered))
