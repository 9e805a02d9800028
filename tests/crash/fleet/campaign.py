"""Many faults of one backend: on a disk that fills up, and on one with room."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Final

import uvloop

from tests.crash.campaign import ended, made_folder, played, say
from tests.crash.disk import disk, may_mount
from tests.crash.fleet import faults
from tests.crash.fleet.engine import Engine, KafkaEngine, RedisEngine
from tests.crash.fleet.plan import LONG, rounds
from tests.crash.fleet.run import LEASE_S, Run
from tests.crash.score import Chapter
from tests.crash.stage import Load
from tests.rig.postgres import postgres_programs, running_postgres

ENGINES: Final[dict[str, Callable[[Path, Path | None], Engine]]] = {
    "redis": lambda folder, data: RedisEngine(data or folder),
    "kafka": lambda folder, data: KafkaEngine(folder, data=data),
}
_SERVERS: Final = {
    "redis": "a Redis server of its own (`appendonly yes`, `appendfsync always`)",
    "kafka": "a Kafka broker of its own (`acks=all`, one replica, four partitions at first)",
}
_COMMITS: Final = {"redis": "at once", "kafka": "50 ms later at most"}
_INTRODUCTION: Final = """
Four processes over one PostgreSQL, an ingress, two dispatchers and a controller, with leases of {lease:g} s, and,
behind a proxy, {server}:
loaded by {producers} producers with {rate:g} events a second. Each of them is killed (SIGKILL), stopped, frozen or cut
off in its turn; afterwards events have to flow again, which is the time to ready here. A traceback in a log, more than
some two lines a second while something is away, and accounts that do not balance are complaints.

What a dispatcher had in its hands comes again when it is gone. How much that may be is asked of its metrics just
before each fault: the deliveries that it has in memory, times the four Triggers that may want each such event, and
all that can have been settled since the last commit (which is sent {commits}, and may take 100 ms) or while
that was asked.
What takes both dispatchers their way to the server may repeat what both have. A dispatcher that is asked to stop,
and the end of an ingress, a controller or the database, are no stops: what comes twice for them is a finding.
Duplicates are counted with the stop that followed the first delivery.
"""
_DISK_ROUNDS: Final = 3
_DISK_SIZE_BYTES: Final = 512 * 2**20


def chapters(backend: str, count: int, *, seed: int, load: Load, parent: Path | None) -> Sequence[Chapter]:
    """So many faults in all."""
    full = _DISK_ROUNDS if count >= LONG and may_mount() else 0
    done = [_full_disk(backend, full, seed, load, parent)] if full else []
    return [*done, _faults(backend, count - full, seed, load, parent)]


def _faults(backend: str, count: int, seed: int, load: Load, parent: Path | None) -> Chapter:
    say(f"{backend}, seed {seed}: {count} faults")
    folder = made_folder(seed, parent)
    with running_postgres(programs()) as postgres:
        engine = ENGINES[backend](folder / backend, None)
        run = Run(folder, engine=engine, postgres=postgres, seed=seed, load=load)
        chapter = uvloop.run(played(run, rounds(random.Random(seed), backend, count), seed=seed))
    return ended(chapter, folder)


def _full_disk(backend: str, count: int, seed: int, load: Load, parent: Path | None) -> Chapter:
    say(f"{backend}, seed {seed}: a full disk")
    folder = made_folder(seed, parent)
    with running_postgres(programs()) as postgres, disk(folder / "disk", _DISK_SIZE_BYTES) as volume:
        engine = ENGINES[backend](folder / backend, volume.folder / "data")
        run = Run(folder, engine=engine, postgres=postgres, seed=seed, load=load)
        plan = repeat(("disk full", partial(faults.fill_disk, disk=volume)), count)
        chapter = uvloop.run(played(run, plan, seed=seed))
    return ended(chapter, folder)


def programs() -> Path:
    """PostgreSQL's."""
    found = postgres_programs()
    assert found is not None, "there is a PostgreSQL: make rigs"
    return found


def introduction(backend: str, load: Load) -> str:
    """What the section is about."""
    return _INTRODUCTION.format(
        producers=load.producers,
        rate=load.events_per_s,
        lease=LEASE_S,
        server=_SERVERS[backend],
        commits=_COMMITS[backend],
    )
