"""A group goes on after whatever ended its reading: not at once, not silently, and not for ever later."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from channels.errors import ChannelUnavailable
from channels.kafka.rejoining import Rejoining

pytestmark = pytest.mark.looptime

AWAY = ChannelUnavailable("away")
FOREVER_S = 1e6


class Member:
    """What it does, and when, by the loop's clock. `fails` says what reading raises, and after how long."""

    def __init__(self, fails: Callable[[], tuple[Exception | None, float]]) -> None:
        self.fails = fails
        self.joins: list[float] = []
        self.leaves = 0
        self.reports: list[tuple[float, str]] = []
        self.has_joined = True
        self.cannot_join: list[Exception] = []
        self.cannot_leave: list[Exception] = []
        self.rejoining = Rejoining(
            join=self.join, has_joined=lambda: self.has_joined, read=self.read, leave=self.leave, report=self.report
        )

    async def join(self) -> None:
        self.joins.append(asyncio.get_running_loop().time())
        if self.cannot_join:
            raise self.cannot_join.pop(0)

    async def read(self) -> None:
        error, after_s = self.fails()
        await asyncio.sleep(after_s)
        assert error is not None
        raise error

    async def leave(self) -> None:
        self.leaves += 1
        if self.cannot_leave:
            raise self.cannot_leave.pop(0)

    def report(self, error: BaseException) -> None:
        self.reports.append((asyncio.get_running_loop().time(), str(error)))

    @property
    def pauses(self) -> list[float]:
        """Between two that joined."""
        return [round(after - before, 3) for before, after in zip([0.0, *self.joins], self.joins, strict=False)]


@asynccontextmanager
async def running(member: Member, for_s: float) -> AsyncIterator[None]:
    """For so long."""
    member.rejoining.start()
    await asyncio.sleep(for_s)
    try:
        yield
    finally:
        await member.rejoining.close()


@pytest.mark.parametrize("error", [AWAY, ValueError("nobody foresaw it"), AssertionError()])
async def test_what_goes_wrong_again_and_again_is_tried_ever_more_seldom(error: Exception) -> None:
    """Whatever it is, and it is said for as long as it lasts. Each one leaves before the pause."""
    member = Member(lambda: (error, 0.0))
    async with running(member, 60.0):
        assert [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0] == member.pauses[:8]
        assert 18 > len(member.joins)
        assert len(member.joins) + 1 == member.leaves == len(member.reports)
        assert member.rejoining.fault is not None


async def test_a_fault_is_over_once_reading_goes_on() -> None:
    """After a while: what fails at once would else be well in between. The next pause is a short one again."""
    failing = [(AWAY, 0.0), (AWAY, 0.0), (AWAY, 10.0), (None, FOREVER_S)]
    member = Member(lambda: failing.pop(0))
    async with running(member, 2.0):
        assert "away" == member.rejoining.fault
        await asyncio.sleep(1.0)
        assert None is member.rejoining.fault
        await asyncio.sleep(8.0)
        assert [0.1, 0.2, 10.1] == member.pauses
        await asyncio.sleep(3.0)
        assert None is member.rejoining.fault


async def test_who_has_no_partitions_yet_is_not_well() -> None:
    """It may wait for them for as long as it takes to fail."""
    member = Member(lambda: (AWAY, 3.0))
    member.has_joined = False
    async with running(member, 60.0):
        assert [3.1, 3.2, 3.4, 3.8] == member.pauses[:4]
        assert "away" == member.rejoining.fault


async def test_where_joining_fails_it_is_tried_each_second() -> None:
    """It moves nobody's partitions. Whoever could not join need not leave."""
    member = Member(lambda: (None, FOREVER_S))
    member.cannot_join = [AWAY, KeyError("x"), AWAY]
    async with running(member, 1.0):
        member.rejoining.begin_anew()
        await asyncio.sleep(10.0)
        assert [1.0, 1.0, 1.0, 1.0] == member.pauses
        assert (1, None) == (member.leaves, member.rejoining.fault)
        assert ["away", "'x'", "away"] == [words for _, words in member.reports]


async def test_what_goes_wrong_in_leaving_is_no_end() -> None:
    """Told as everything is."""
    member = Member(lambda: (None, FOREVER_S))
    member.cannot_leave = [KeyError("x")]
    async with running(member, 1.0):
        member.rejoining.begin_anew()
        await asyncio.sleep(0.2)
        assert ([1.1], [(1.0, "'x'")]) == (member.joins, member.reports)


@pytest.mark.parametrize(("error", "expected"), [(None, [5.0]), (AWAY, [5.1])])
async def test_another_begins_when_it_is_asked_for(error: Exception | None, expected: list[float]) -> None:
    """At once, unless an error is the reason."""
    member = Member(lambda: (None, FOREVER_S))
    async with running(member, 5.0):
        member.rejoining.begin_anew(error)
        await asyncio.sleep(1.0)
        assert expected == member.joins
        assert (None if error is None else "away") == member.rejoining.fault


async def test_who_is_asked_to_leave_before_it_reads_does_not_read() -> None:
    """A coordinator may assign partitions before joining is over."""
    member = Member(lambda: (None, FOREVER_S))
    member.rejoining.begin_anew(AWAY)
    async with running(member, 1.0):
        assert (1, [0.1]) == (member.leaves, member.joins)


async def test_one_that_never_began_is_closed() -> None:
    """Its group could not join."""
    await Member(lambda: (None, FOREVER_S)).rejoining.close()
