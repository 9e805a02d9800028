"""The two loops, in virtual time: crashes and restarts of a supervised component, and the beat of a periodic one."""

import asyncio
import logging

import pytest

from channels.errors import ChannelUnavailable
from dispatcher.tasks import BACKOFF_MAX_S, every, supervise

pytestmark = pytest.mark.looptime


class Component:
    """Each run lasts so many seconds and crashes with an error; after the last one it is well and stays."""

    def __init__(self, *runs: tuple[float, BaseException]) -> None:
        self.runs = list(runs)
        self.started_s: list[float] = []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self.started_s.append(loop.time())
        if not self.runs:
            await asyncio.Event().wait()
        lasts_s, error = self.runs.pop(0)
        await asyncio.sleep(lasts_s)
        raise error


async def let_run(work: asyncio.Task[None], seconds: float) -> None:
    """Give it that long, then cancel it."""
    await asyncio.sleep(seconds)
    work.cancel()
    await asyncio.wait([work])


async def test_a_crash_is_logged_reported_and_followed_by_another_run(caplog: pytest.LogCaptureFixture) -> None:
    """The log has the component's name and the trace, the report the error itself."""
    crash = ValueError("broken")
    component = Component((0.0, crash))
    reports: list[tuple[str, BaseException]] = []
    with caplog.at_level(logging.ERROR):
        await let_run(
            asyncio.create_task(supervise("the lane", component.run, lambda name, e: reports.append((name, e)))), 1.0
        )
    assert [("the lane", crash)] == reports
    assert ["the lane crashed, starts again in 0.1 s"] == caplog.messages
    assert crash is (caplog.records[0].exc_info or (None, None))[1]
    assert [0.0, 0.1] == component.started_s


async def test_a_channel_that_is_away_is_no_crash(caplog: pytest.LogCaptureFixture) -> None:
    """Its operator is to act: a line says why, without a trace, and another run follows."""
    component = Component((0.0, ChannelUnavailable("no server")))
    with caplog.at_level(logging.WARNING):
        await let_run(asyncio.create_task(supervise("the lane", component.run)), 1.0)
    assert ["the lane: no server; starts again in 0.1 s"] == caplog.messages
    assert (logging.WARNING, None) == (caplog.records[0].levelno, caplog.records[0].exc_info)
    assert [0.0, 0.1] == component.started_s


async def test_waits_double_up_to_the_cap() -> None:
    """0.1 s, 0.2 s, ... and never more than the cap."""
    component = Component(*((0.0, OSError()) for _ in range(12)))
    await let_run(asyncio.create_task(supervise("x", component.run)), 1000.0)
    waits = [after - before for before, after in zip(component.started_s, component.started_s[1:], strict=False)]
    assert pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0]) == waits


async def test_after_a_long_good_run_the_wait_begins_anew() -> None:
    """A crash a day is not a storm."""
    crash = OSError()
    component = Component((0.0, crash), (0.0, crash), (BACKOFF_MAX_S + 1, crash))
    await let_run(asyncio.create_task(supervise("x", component.run)), 100.0)
    assert pytest.approx([0.0, 0.1, 0.3, 31.4]) == component.started_s


async def test_cancelling_ends_it_at_once() -> None:
    """While the component runs, and while it waits to run again; nothing is logged or restarted."""
    for component in (Component(), Component((0.0, OSError()))):
        task = asyncio.create_task(supervise("x", component.run))
        await let_run(task, 0.05)
        assert task.cancelled()
        assert 1 == len(component.started_s)


async def test_the_cancellation_of_something_awaited_is_a_crash() -> None:
    """A component that meets somebody else's cancellation must not vanish without a word."""
    component = Component((0.0, asyncio.CancelledError()))
    await let_run(asyncio.create_task(supervise("x", component.run)), 1.0)
    assert 2 == len(component.started_s)


async def test_a_component_that_returns_is_finished() -> None:
    """Supervision ends with it."""
    runs = []

    async def run() -> None:
        runs.append(1)

    await supervise("x", run)
    assert [1] == runs


async def test_one_crash_leaves_the_neighbour_alone() -> None:
    """Two supervised components in one TaskGroup."""
    crashing, well = Component((0.0, OSError())), Component()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(supervise("x", component.run)) for component in (crashing, well)]
        await asyncio.sleep(1.0)
        assert (2, 1) == (len(crashing.started_s), len(well.started_s))
        for task in tasks:
            task.cancel()


async def test_a_beat_comes_each_interval_and_does_not_drift() -> None:
    """First after one interval; what the work takes is not added."""
    loop = asyncio.get_running_loop()
    beats: list[float] = []

    async def work() -> None:
        beats.append(loop.time())
        await asyncio.sleep(0.4)

    await let_run(asyncio.create_task(every(1.0, work)), 4.5)
    assert pytest.approx([1.0, 2.0, 3.0, 4.0]) == beats


async def test_missed_beats_are_left_out() -> None:
    """Work that takes longer than the interval is not made up for."""
    loop = asyncio.get_running_loop()
    beats: list[float] = []

    async def work() -> None:
        beats.append(loop.time())
        await asyncio.sleep(2.5 if len(beats) == 1 else 0.0)

    await let_run(asyncio.create_task(every(1.0, work)), 6.0)
    assert pytest.approx([1.0, 3.5, 4.5, 5.5]) == beats


async def test_a_plain_function_has_a_beat_too() -> None:
    """Counting something needs no coroutine."""
    beats: list[int] = []
    await let_run(asyncio.create_task(every(1.0, lambda: beats.append(1))), 3.5)
    assert [1, 1, 1] == beats


async def test_what_the_work_raises_ends_the_beat() -> None:
    """It is the supervisor's to decide what follows."""

    def work() -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - the class is the law
        await every(1.0, work)
