"""Many kills of one server: a full disk first, then data folders that are used for so many kills each."""

import random
import shutil
from collections.abc import Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Final

import uvloop

from tests.crash.campaign import ended, made_folder, played, say
from tests.crash.journal import faults
from tests.crash.journal.plan import rounds
from tests.crash.journal.run import Run
from tests.crash.score import Chapter
from tests.crash.stage import Load
from tests.rig.volume import small_volume

KILLS_PER_SEED: Final = 250
_LONG_KILLS: Final = 1000
"""From so many kills on there is time for what takes long, once."""
_DISK_SIZE_BYTES: Final = 24 * 2**20
_DISK_ROUNDS: Final = 5
INTRODUCTION: Final = """
One server, one data folder for each seed: loaded by {producers} producers, killed (SIGKILL) at random moments, in the
middle of commits, checkpoints, prunes, redrives, starts and stops, frozen, misled about the time, kept from its disk,
beside sinks that refuse, hang, reset and trickle.

What was in flight at a stop comes again: each event that some Trigger's lane held in memory (256 waiting and 64 under
way, at most) comes again to every Trigger that wants it, four of them at most. That is the bound of duplicates.
"""


def chapters(kills: int, *, seed: int, load: Load, parent: Path | None) -> Sequence[Chapter]:
    """One for the full disk, and one for each seed."""
    done = [_full_disk(seed, load, parent)]
    for number, begun in enumerate(range(0, kills, KILLS_PER_SEED)):
        count = min(KILLS_PER_SEED, kills - begun)
        is_long = number == 0 and kills >= _LONG_KILLS
        done.append(_kills(seed + number, count, load, parent, is_long=is_long))
    return done


def _kills(seed: int, kills: int, load: Load, parent: Path | None, *, is_long: bool) -> Chapter:
    """All kinds of faults on one data folder, until it was killed so many times."""
    say(f"seed {seed}: {kills} kills")
    folder = made_folder(seed, parent)
    run = Run(folder, seed=seed, load=load)
    plan = rounds(random.Random(seed), kills, is_long=is_long)
    return ended(uvloop.run(played(run, plan, seed=seed, is_over=lambda: run.tale.kills >= kills)), folder)


def _full_disk(seed: int, load: Load, parent: Path | None) -> Chapter:
    """A disk that is full and has room again, several times."""
    say(f"seed {seed}: a full disk")
    folder = made_folder(seed, parent)
    with small_volume(folder / "disk", size_bytes=_DISK_SIZE_BYTES) as volume:
        run = Run(folder, seed=seed, load=load, data_dir=volume.folder)
        plan = repeat(("disk full", partial(faults.fill_disk, volume=volume)), _DISK_ROUNDS)
        chapter = uvloop.run(played(run, plan, seed=seed))
        if chapter.faults_found and volume.is_mounted:
            shutil.copytree(volume.folder, folder / "data")
    return ended(chapter, folder)
