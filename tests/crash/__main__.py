"""`python -m tests.crash`: kill a server many times, and say what was lost."""

import argparse
import contextlib
import os
import platform
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Final

import uvloop

from tests.crash import faults, workload
from tests.crash.faults import Fault
from tests.crash.plan import rounds
from tests.crash.run import DUPLICATES_BOUND, Load, Run
from tests.crash.score import Chapter, Score
from tests.crash.server import NotReady
from tests.crash.volume import small_volume

_KILLS_PER_SEED: Final = 250
_LONG_KILLS: Final = 1000
"""From so many kills on there is time for what takes long, once."""
_DISK_ROUNDS: Final = 5
_PATIENCE_S: Final = 300.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 where nothing was lost or otherwise wrong, else 1."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything is ended on the way out
    load = Load(events_per_s=options.rate)
    chapters = [_full_disk(options.seed, load, options.folder)]
    for number, begun in enumerate(range(0, options.kills, _KILLS_PER_SEED)):
        kills, seed = min(_KILLS_PER_SEED, options.kills - begun), options.seed + number
        is_long = number == 0 and options.kills >= _LONG_KILLS
        chapters.append(_kills(seed, kills, load, options.folder, is_long=is_long))
    score = Score(
        chapters=chapters,
        duplicates_bound=DUPLICATES_BOUND,
        producers=load.producers,
        machine=_machine(),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        command=f'make crash N={options.kills} ARGS="--seed {options.seed}"',
    )
    print(score.page)
    if options.write:
        options.write.write_text(score.page)
    return 0 if score.is_clean else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description="Kill a server, and say what was lost.")
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="SIGKILLs in all (%(default)s)")
    seed = f"of the first {_KILLS_PER_SEED} kills, each of which has a data folder; the next seeds follow (%(default)s)"
    parser.add_argument("--seed", type=int, default=1, metavar="S", help=seed)
    rate = "events per second offered while the server is up (%(default)s)"
    parser.add_argument("--rate", type=float, default=1500, metavar="R", help=rate)
    folder = "where data folders are made, and kept if a run fails (the system's temporary folder)"
    parser.add_argument("--folder", type=Path, help=folder)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the score here too")
    return parser


def _kills(seed: int, kills: int, load: Load, parent: Path | None, *, is_long: bool) -> Chapter:
    """All kinds of faults on one data folder, until it was killed so many times."""
    _say(f"seed {seed}: {kills} kills")
    folder = _folder(seed, parent)
    plan = rounds(random.Random(seed), kills, is_long=is_long)
    chapter = uvloop.run(_played(Run(folder, seed=seed, load=load), plan, seed=seed, kills=kills))
    return _ended(chapter, folder)


def _full_disk(seed: int, load: Load, parent: Path | None) -> Chapter:
    """A disk that is full and has room again, several times."""
    _say(f"seed {seed}: a full disk")
    folder = _folder(seed, parent)
    with small_volume(folder / "disk") as volume:
        run = Run(folder, seed=seed, load=load, data_dir=volume.folder)
        plan = repeat(("disk full", partial(faults.fill_disk, volume=volume)), _DISK_ROUNDS)
        chapter = uvloop.run(_played(run, plan, seed=seed))
        if chapter.faults_found and volume.is_mounted:
            shutil.copytree(volume.folder, folder / "data")
    return _ended(chapter, folder)


async def _played(run: Run, plan: Iterable[tuple[str, Fault]], *, seed: int, kills: int | None = None) -> Chapter:
    began_s = time.monotonic()
    tale = run.tale
    async with run:
        for name, fault in plan:
            if kills is not None and tale.kills >= kills:
                break
            try:
                await run.play(name, fault)
            except NotReady as error:
                run.complain(f"the server does not start any more: {error}")
                break
            workload.set_weather(run.sink, run.rng)
            if sum(tale.faults.values()) % 25 == 0:
                _say(f"  {tale.kills} kills, {run.producers.stored:,} events, {len(tale.complaints)} complaints")
        verdict = await run.end(patience_s=_PATIENCE_S)
    return Chapter(
        seed=seed,
        kills=tale.kills,
        duration_s=time.monotonic() - began_s,
        verdict=verdict,
        ready_s=tale.ready_s,
        faults=tale.faults,
        stops=len(tale.faults_by_stop),
        complaints=tale.complaints,
    )


def _folder(seed: int, parent: Path | None) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"eventing-crash-{seed}-", dir=parent))


def _ended(chapter: Chapter, folder: Path) -> Chapter:
    """Say how it went. What it left on disk stays there only where it failed."""
    _say(f"seed {chapter.seed}: {chapter.verdict.summary}, {chapter.duration_s:.0f} s")
    for words in chapter.faults_found:
        _say(f"seed {chapter.seed}: {words}")
    if chapter.faults_found:
        _say(f"seed {chapter.seed}: what it left is in {folder}")
    else:
        shutil.rmtree(folder)
    return chapter


def _machine() -> str:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    name = model[1] if model else platform.machine()
    system = f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    return f"{name}, {os.cpu_count()} cores, {system}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
