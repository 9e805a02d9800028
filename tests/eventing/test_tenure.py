"""Work under a lease: one process does it, and another one takes over. On virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from eventing.errors import LeaseLost
from eventing.store.lease import Lease
from eventing.tenure import Tenure
from tests.eventing.small_leases import Leases

DURATION_S = 10.0


@dataclass
class CutOff:
    """The same leases, by a way of its own: questions take so long, and answers never come while it is cut."""

    leases: Leases
    is_cut: bool = False
    delay_s: float = 0.0

    async def acquire(self, name: str, holder: str, *, duration_s: float) -> Lease | None:
        await self._pass()
        return await self.leases.acquire(name, holder, duration_s=duration_s)

    async def renew(self, lease: Lease, *, duration_s: float) -> None:
        await self._pass()
        await self.leases.renew(lease, duration_s=duration_s)

    async def release(self, lease: Lease) -> None:
        await self._pass()
        await self.leases.release(lease)

    async def _pass(self) -> None:
        await asyncio.sleep(self.delay_s)
        while self.is_cut:
            await asyncio.sleep(0.1)


class Process:
    """One that would do the work."""

    def __init__(self, leases: "Leases | CutOff", name: str, *, is_fenced: bool = False) -> None:
        self.is_working = False
        self.began = 0
        self.crash: Exception | None = None
        self.tenure = Tenure(leases, "work", name, duration_s=DURATION_S, is_fenced=is_fenced, work=self._work)

    async def _work(self, lease: Lease) -> None:
        self.is_working, self.began = True, self.began + 1
        try:
            if self.crash is not None:
                raise self.crash
            await asyncio.Event().wait()
        finally:
            self.is_working = False

    @asynccontextmanager
    async def running(self) -> "AsyncIterator[asyncio.Task[None]]":
        task = asyncio.create_task(self.tenure.run())
        await asyncio.sleep(0.1)
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


pytestmark = pytest.mark.looptime


async def test_one_works_and_goes_on_working() -> None:
    """It renews; others wait."""
    leases = Leases()
    first, second = Process(leases, "first"), Process(leases, "second")
    async with first.running(), second.running():
        await asyncio.sleep(20 * DURATION_S)
        assert (True, False) == (first.is_working, second.is_working)
        assert (1, 0) == (first.began, second.began)
        assert first.tenure.is_held
        assert not second.tenure.is_held


async def test_who_stops_lets_it_go_at_once() -> None:
    """After its work has ended; the next one begins with its next question."""
    leases = Leases()
    first, second = Process(leases, "first"), Process(leases, "second")
    async with second.running(), first.running():
        assert second.is_working
    assert "" == leases.holder
    async with first.running():
        assert first.is_working, "nobody's time had to run out"


async def test_another_takes_over_within_the_time() -> None:
    """From one that vanished without a word."""
    leases = Leases()
    leases.holder, leases.until_s = "vanished", asyncio.get_running_loop().time() + 0.75 * DURATION_S
    heir = Process(leases, "heir")
    async with heir.running():
        await asyncio.sleep(DURATION_S)
        assert heir.is_working


async def test_who_lost_it_stops_and_asks_again(caplog: pytest.LogCaptureFixture) -> None:
    """As one that stood still and was taken for dead."""
    leases = Leases()
    process = Process(leases, "slow")
    async with process.running():
        leases.holder, leases.token = "other", leases.token + 1
        leases.until_s = asyncio.get_running_loop().time() + 3 * DURATION_S
        await asyncio.sleep(DURATION_S)
        assert not process.is_working
        assert "other" == leases.holder
        await asyncio.sleep(3 * DURATION_S)
        assert process.is_working


async def test_while_the_store_is_away_work_that_it_may_refuse_goes_on() -> None:
    """Nobody else can begin it where it is away for all; and who was merely cut off does nothing that counts."""
    leases = Leases()
    process = Process(leases, "one", is_fenced=True)
    async with process.running():
        leases.is_away = True
        await asyncio.sleep(10 * DURATION_S)
        assert process.is_working
        leases.is_away = False
        await asyncio.sleep(DURATION_S)
        assert (True, 1) == (process.is_working, process.began)
        leases.is_away = True
    assert "one" == leases.holder


async def test_work_that_nobody_refuses_ends_before_another_may_begin(caplog: pytest.LogCaptureFixture) -> None:
    """Whether the store is away or only this process is cut off: from here these look alike. It begins again when the
    store has answered.
    """
    leases = Leases()
    process = Process(leases, "one")
    async with process.running():
        await asyncio.sleep(2 * DURATION_S)
        leases.is_away = True
        while process.is_working:
            await asyncio.sleep(0.01)
        left_s = leases.until_s - asyncio.get_running_loop().time()
        assert 0.05 * DURATION_S < left_s < 0.15 * DURATION_S
        assert not process.tenure.is_held
        assert 1 == caplog.text.count("work rests")
        await asyncio.sleep(10 * DURATION_S)
        assert 1 == process.began
        leases.is_away = False
        await asyncio.sleep(DURATION_S)
        assert (True, 2) == (process.is_working, process.began)
    assert "" == leases.holder


async def test_a_short_outage_ends_no_work() -> None:
    """Such as a server's restart: a renewal that failed is tried again sooner than the next one was due."""
    leases = Leases()
    process = Process(leases, "one")
    async with process.running():
        for _ in range(20):
            leases.is_away = True
            await asyncio.sleep(0.25 * DURATION_S)
            leases.is_away = False
            await asyncio.sleep(0.3 * DURATION_S)
        assert (True, 1) == (process.is_working, process.began)


@pytest.mark.parametrize("delay_s", [0.0, 1.0, 2.4, 3.5])
async def test_two_are_never_at_work_when_one_is_cut_off(delay_s: float) -> None:
    """However long its questions take: its time counts from the question, the store's from when it heard it. The other
    one takes over in time, and the first one may have it again.
    """
    leases = Leases()
    way = CutOff(leases, delay_s=delay_s)
    first, second = Process(way, "first"), Process(leases, "second")
    seen = set()
    async with first.running():
        await asyncio.sleep(delay_s)
        async with second.running():
            for moment in range(1000):
                way.is_cut = 200 < moment < 500
                await asyncio.sleep(0.1)
                seen.add((first.is_working, second.is_working))
                if moment == 200 + 2 * 10 * DURATION_S:
                    assert second.is_working
    assert (True, True) not in seen
    assert {(True, False), (False, True)} <= seen


async def test_a_store_that_is_away_is_asked_again() -> None:
    leases = Leases(is_away=True)
    process = Process(leases, "one")
    async with process.running():
        await asyncio.sleep(DURATION_S)
        assert not process.is_working
        leases.is_away = False
        await asyncio.sleep(DURATION_S)
        assert process.is_working


async def test_work_that_crashes_is_told_and_lets_it_go() -> None:
    """So that another process may try."""
    leases = Leases()
    process = Process(leases, "one")
    process.crash = KeyError("a bug")
    task = asyncio.create_task(process.tenure.run())
    with pytest.raises(KeyError):
        await task
    assert "" == leases.holder


async def test_work_that_finds_the_lease_lost_waits_for_it_again() -> None:
    """As a writer that was refused."""
    leases = Leases()
    process = Process(leases, "one")
    process.crash = LeaseLost("another's")
    async with process.running() as task:
        process.crash = None
        await asyncio.sleep(DURATION_S)
        assert not task.done()
        assert process.is_working
