"""Playing a plan to its end: what it came to, and what is said meanwhile."""

import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final, Protocol

from tests.crash.process import NotReady
from tests.crash.score import Chapter
from tests.crash.stage import Tale
from tests.ledger.producer import Producers
from tests.ledger.verdict import Verdict

PATIENCE_S: Final = 300.0
_SAY_EVERY: Final = 25


class Playable(Protocol):
    """A run of any backend."""

    tale: Tale
    producers: Producers

    async def __aenter__(self) -> Any: ...

    async def __aexit__(self, *error: object) -> None: ...

    async def play(self, name: str, fault: Any) -> None: ...

    async def end(self, *, patience_s: float) -> Verdict: ...

    def complain(self, words: str) -> None: ...

    def change_weather(self) -> None: ...


async def played(
    run: Playable,
    plan: Iterable[tuple[str, Callable[[Any], Awaitable[None]]]],
    *,
    seed: int,
    is_over: Callable[[], bool] = lambda: False,
) -> Chapter:
    """All rounds of the plan, or those until it is over, and the verdict."""
    began_s = time.monotonic()
    tale = run.tale
    async with run:
        for name, fault in plan:
            if is_over():
                break
            try:
                await run.play(name, fault)
            except NotReady as error:
                run.complain(f"it does not start any more: {error}")
                break
            run.change_weather()
            if tale.faults.total() % _SAY_EVERY == 0:
                say(f"  {tale.kills} kills, {run.producers.stored:,} events, {len(tale.complaints)} complaints")
        verdict = await run.end(patience_s=PATIENCE_S)
    return Chapter(
        seed=seed,
        kills=tale.kills,
        duration_s=time.monotonic() - began_s,
        verdict=verdict,
        ready_s=tale.ready_s,
        faults=tale.faults,
        stops=tale.stops,
        complaints=tale.complaints,
    )


def made_folder(seed: int, parent: Path | None) -> Path:
    """For a run with that seed."""
    return Path(tempfile.mkdtemp(prefix=f"eventing-crash-{seed}-", dir=parent))


def ended(chapter: Chapter, folder: Path) -> Chapter:
    """Say how it went. What it left on disk stays there only where it failed."""
    say(f"seed {chapter.seed}: {chapter.verdict.summary}, {chapter.duration_s:.0f} s")
    for words in chapter.faults_found:
        say(f"seed {chapter.seed}: {words}")
    if chapter.faults_found:
        say(f"seed {chapter.seed}: what it left is in {folder}")
    else:
        shutil.rmtree(folder)
    return chapter


def say(text: str) -> None:
    """To whoever waits."""
    print(text, file=sys.stderr, flush=True)
