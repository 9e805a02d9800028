"""`python -m tests.crash`: let servers fail many times, and say what was lost."""

import argparse
import contextlib
import os
import platform
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.crash.fleet import campaign as fleet
from tests.crash.fleet import power
from tests.crash.journal import campaign as journal
from tests.crash.page import with_section
from tests.crash.score import Chapter, Score
from tests.crash.stage import Load

_RATES: Final = {"journal": 1500.0, "redis": 500.0, "kafka": 500.0, "power": 500.0}
"""Events per second. With several processes, a server and its proxy on one machine it is the machine that is slow."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 where nothing was lost or otherwise wrong, else 1."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything is ended on the way out
    load = Load(events_per_s=options.rate or _RATES[options.backend])
    if options.backend == "power":
        section, is_clean = power.measured(
            options.number, parent=options.folder, load=load, machine=_machine(), date=_date()
        )
        return _told(options.write, power.TITLE, section, is_clean=is_clean)
    score = _score(options, load)
    return _told(options.write, score.title, score.section, is_clean=score.is_clean)


def _score(options: argparse.Namespace, load: Load) -> Score:
    name: str = options.backend
    introduction: str
    chapters: Sequence[Chapter]
    if name == "journal":
        introduction = journal.INTRODUCTION.format(producers=load.producers)
        chapters = journal.chapters(options.number, seed=options.seed, load=load, parent=options.folder)
    else:
        introduction = fleet.introduction(name, load)
        chapters = fleet.chapters(name, options.number, seed=options.seed, load=load, parent=options.folder)
    return Score(
        title=name.capitalize(),
        introduction=introduction,
        chapters=chapters,
        machine=_machine(),
        date=_date(),
        command=f'make crash BACKEND={name} N={options.number} ARGS="--seed {options.seed}"',
        has_bounds=name != "journal",
    )


def _told(page: Path | None, title: str, section: str, *, is_clean: bool) -> int:
    print(section)
    if page is not None:
        page.write_text(with_section(page.read_text() if page.exists() else "", title, section))
    return 0 if is_clean else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash", description="Let servers fail under load, and say what was lost."
    )
    backend = "what events rest in; `power` is Redis on a disk whose power is cut (%(default)s)"
    parser.add_argument("--backend", choices=[*_RATES], default="journal", help=backend)
    number = "SIGKILLs of the journal's server in all; with Redis and Kafka, faults in all; power cuts (%(default)s)"
    parser.add_argument("--number", type=int, default=100, metavar="N", help=number)
    seed = (
        f"the first seed: with the journal each {journal.KILLS_PER_SEED} kills have a data folder and the next seed "
        "(%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help=seed)
    rate = "events per second offered while somebody listens (1500 with the journal, else 500)"
    parser.add_argument("--rate", type=float, metavar="R", help=rate)
    folder = "where data folders are made, and kept if a run fails (the system's temporary folder)"
    parser.add_argument("--folder", type=Path, help=folder)
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the section into this page, too")
    return parser


def _machine() -> str:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    name = model[1] if model else platform.machine()
    system = f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    return f"{name}, {os.cpu_count()} cores, {system}"


def _date() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
