"""What Redis loses when its disk has no power any more: acknowledged events that are gone, and how old they were."""

import asyncio
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import uvloop

from tests.crash.campaign import made_folder, say
from tests.crash.disk import Disk, disk
from tests.crash.fleet.campaign import programs
from tests.crash.fleet.engine import RedisEngine
from tests.crash.fleet.run import DISPATCHERS, Run
from tests.crash.score import table
from tests.crash.stage import Load
from tests.ledger.record import Sent
from tests.rig.postgres import Postgres, running_postgres
from tests.rig.redis import Fsync

TITLE: Final = "Redis and a power cut"
_INTRODUCTION: Final = """
Redis' folder is on a disk of its own, an ext4 file system. Under load the server is stopped (SIGSTOP), the disk is cut
off (`EXT4_IOC_SHUTDOWN` without a flush of the log: whatever was not flushed is gone), the server killed, the disk
mounted anew and the server started. Nothing is delivered before, so each event is on that disk or nowhere. Lost is what
was acknowledged and never arrives; its age is the time from its acknowledgement to the cut.
"""
_SIZE_BYTES: Final = 512 * 2**20
_PATIENCE_S: Final = 60.0
PROMISED_S: Final[Mapping[Fsync, float]] = {"always": 0.0, "everysec": 2.0}
"""How old what is lost may be: Redis flushes each second, and goes on without for one more where its disk is behind."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What one did. Ages are of the lost ones, in seconds."""

    acknowledged: int
    ages_s: Sequence[float]
    findings: Sequence[str]


def measured(count: int, *, parent: Path | None, load: Load, machine: str, date: str) -> tuple[str, bool]:
    """The section after so many cuts for each setting, and whether nothing is in it that must not be."""
    cuts = {fsync: [_cut(fsync, seed, parent, load) for seed in range(1, count + 1)] for fsync in PROMISED_S}
    told = section(cuts, machine=machine, date=date, command=f"make crash BACKEND=power N={count}")
    return told, not complaints(cuts)


def complaints(cuts: Mapping[Fsync, Sequence[Cut]]) -> Sequence[str]:
    """What must not be: events that are lost though they are older than what the setting may lose, and what else was
    found. Pure.
    """
    found = [f"{fsync}: {words}" for fsync, done in cuts.items() for one in done for words in one.findings]
    for fsync, done in cuts.items():
        too_old = [age_s for one in done for age_s in one.ages_s if age_s > PROMISED_S[fsync]]
        if too_old:
            words = f"{len(too_old)} lost that were older than {PROMISED_S[fsync]:.0f} s, up to {max(too_old):.2f} s"
            found.append(f"{fsync}: {words}")
    return found


def section(cuts: Mapping[Fsync, Sequence[Cut]], *, machine: str, date: str, command: str) -> str:
    """Markdown. Pure."""
    heading = ("`appendfsync`", "cuts", "acknowledged", "lost", "of one cut, at most", "oldest that was lost")
    rows = [_row(fsync, done) for fsync, done in cuts.items()]
    found = [f"- {words}" for words in complaints(cuts)]
    parts = (_INTRODUCTION, table(heading, rows), "\n".join(found), f"{date}. {machine}. Repeat it: `{command}`.")
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _row(fsync: str, done: Sequence[Cut]) -> tuple[str, ...]:
    lost = [len(cut.ages_s) for cut in done]
    oldest_s = max((age for cut in done for age in cut.ages_s), default=None)
    acknowledged = sum(cut.acknowledged for cut in done)
    age = "-" if oldest_s is None else f"{oldest_s:.2f} s"
    return f"`{fsync}`", f"{len(done)}", f"{acknowledged:,}", f"{sum(lost):,}", f"{max(lost):,}", age


def _cut(fsync: Fsync, seed: int, parent: Path | None, load: Load) -> Cut:
    folder = made_folder(seed, parent)
    with running_postgres(programs()) as postgres, disk(folder / "disk", _SIZE_BYTES) as volume:
        run = _PowerRun(folder, volume, fsync, postgres, seed=seed, load=load)
        cut = uvloop.run(_played(run))
    oldest = max(cut.ages_s, default=0.0)
    say(f"{fsync}, {seed}: {cut.acknowledged:,} acknowledged, {len(cut.ages_s):,} lost, the oldest {oldest:.2f} s")
    shutil.rmtree(folder)
    return cut


class _PowerRun(Run):
    """One that knows when each event was acknowledged."""

    def __init__(self, folder: Path, volume: Disk, fsync: Fsync, postgres: Postgres, *, seed: int, load: Load) -> None:
        self.redis = RedisEngine(volume.folder / "data", fsync=fsync)
        super().__init__(folder, engine=self.redis, postgres=postgres, seed=seed, load=load)
        self.volume = volume
        self.acknowledged_s: dict[tuple[int, int], float] = {}

    def _sent(self, record: Sent) -> None:
        super()._sent(record)
        if record.status == 202:
            self.acknowledged_s[record.producer, record.seq] = time.monotonic()


async def _played(run: _PowerRun) -> Cut:
    async with run:
        await run.ensure_up()
        for name in DISPATCHERS:
            await run.stop(name)
        await asyncio.to_thread(run.volume.flush)
        before = {*run.acknowledged_s}
        await asyncio.sleep(run.rng.uniform(3.0, 6.0))
        cut_s = await _cut_power(run)
        verdict = await run.end(patience_s=_PATIENCE_S)
    lost = {(place.producer, place.seq) for place in verdict.lost}
    return Cut(
        acknowledged=sum(moment_s < cut_s for one, moment_s in run.acknowledged_s.items() if one not in before),
        ages_s=sorted(cut_s - run.acknowledged_s[one] for one in lost if one in run.acknowledged_s),
        findings=[*replace(verdict, lost=[]).findings, *run.tale.complaints],
    )


async def _cut_power(run: _PowerRun) -> float:
    """When it was. On return the server is back, with what its disk has."""
    run.redis.pause()
    cut_s = time.monotonic()
    run.volume.cut()
    await asyncio.to_thread(run.redis.kill)
    run.note_stop("power cut")
    await asyncio.to_thread(run.volume.unmount)
    run.volume.mount()
    await asyncio.to_thread(run.redis.start)
    return cut_s
