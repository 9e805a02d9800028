"""Nothing that was accepted is lost, whatever happens to the server: short runs of what `make crash` does for longer.

All together they kill it more than thirty times.
"""

from functools import partial
from pathlib import Path

import pytest

from tests.crash.journal import faults
from tests.crash.journal.faults import Fault
from tests.crash.journal.plan import KILLS
from tests.crash.journal.run import Run
from tests.crash.stage import IN_FLIGHT_MAX, Load
from tests.rig.volume import small_volume

LOAD = Load(producers=10, events_per_s=800)


async def check(run: Run, *rounds: tuple[str, Fault]) -> None:
    """Play the rounds, and let the ledger judge."""
    for name, fault in rounds:
        await run.play(name, fault)
    verdict = await run.end()
    assert ([], []) == (verdict.findings, run.tale.complaints), verdict.summary
    assert verdict.stored > 0
    assert verdict.duplicates_max <= IN_FLIGHT_MAX


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_is_lost_whenever_it_is_killed(tmp_path: Path, seed: int) -> None:
    """One data folder: killed under load, in commits, checkpoints, prunes, redrives, starts, stops and pauses."""
    async with Run(tmp_path, seed=seed, load=LOAD) as run:
        rounds = [(name, fault) for name, (_, fault) in KILLS.items()]
        run.rng.shuffle(rounds)
        await check(run, *rounds)
        assert run.tale.kills >= len(KILLS)


@pytest.mark.parametrize("manner", ["hang", "reset", "trickle", "slow"])
async def test_a_bad_sink_disturbs_no_other(tmp_path: Path, manner: str) -> None:
    """It hangs, resets, trickles or is slow; others get their events meanwhile, and it gets its own in the end."""
    async with Run(tmp_path, seed=3, load=LOAD) as run:
        await check(run, (manner, partial(faults.misbehave, manner=manner, pause_s=1.0)))


async def test_stops_and_starts_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    """SIGTERM under load, several times in a row: it ends with 0, and what is on its way is finished."""
    async with Run(tmp_path, seed=4, load=LOAD) as run:
        await check(run, ("stops", partial(faults.restart, times=6)))
        assert 0 == run.ledger.verdict().duplicates


async def test_a_process_that_was_frozen_goes_on(tmp_path: Path) -> None:
    async with Run(tmp_path, seed=5, load=LOAD) as run:
        await check(run, ("freeze", partial(faults.freeze, pause_s=2.0)))
        assert [] == run.tale.stops


async def test_a_wall_clock_that_jumps_loses_nothing(tmp_path: Path) -> None:
    """By an hour while it runs, and back while it is down."""
    async with Run(tmp_path, seed=6, load=LOAD) as run:
        await check(run, ("clock", faults.shift_clock), ("kill", faults.kill))


async def test_triggers_that_come_change_and_go_disturb_no_other(tmp_path: Path) -> None:
    """A hundred of them at a time, under load, and over a crash."""
    async with Run(tmp_path, seed=7, load=LOAD) as run:
        await check(run, ("crowd", partial(faults.crowd, count=100)))


async def test_a_disk_that_fails_ends_nothing(tmp_path: Path) -> None:
    """Writes fail for a while: nothing is acknowledged then, and all goes on when they succeed again."""
    async with Run(tmp_path, seed=8, load=LOAD) as run:
        await check(run, *[("writes refused", faults.refuse_writes)] * 2)
        assert [] == run.tale.stops


async def test_a_full_disk_refuses_producers_and_delivers_and_heals(tmp_path: Path) -> None:
    with small_volume(tmp_path / "disk", size_bytes=24 * 2**20) as volume:
        async with Run(tmp_path, seed=9, load=LOAD, data_dir=volume.folder) as run:
            await check(run, *[("disk full", partial(faults.fill_disk, volume=volume))] * 2)
