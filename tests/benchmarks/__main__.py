"""`python -m tests.benchmarks`: run the scenarios, print the table."""

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tests.benchmarks import creation, durable, in_memory, kill, machine, remote, resource, topic
from tests.benchmarks.bench import Bench, Settings, prepared
from tests.benchmarks.machine import CannotRun
from tests.benchmarks.report import NEW_PAGE, Figures, Row, notes, said, spliced, table
from tests.benchmarks.scenario import Scenario

_QUICK: Final = Settings(
    repetitions=1, warm_up_s=1, jvm_warm_up_s=2, window_s=2, unit_s=1, latency_s=2, waiting_events=100_000
)
# What `durable` has comes last: the gigabytes of its last row keep the disk busy after it.
_SCENARIOS: Final = (
    *in_memory.SCENARIOS,
    *resource.SCENARIOS,
    *creation.SCENARIOS,
    *remote.SCENARIOS,
    *topic.SCENARIOS,
    *kill.SCENARIOS,
    *durable.SCENARIOS,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when every scenario ran, whatever the verdicts; 1 when one could not; 2 on an unfit machine."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything is ended on the way out
    settings = _QUICK if options.quick else Settings()
    if options.repetitions:
        settings = replace(settings, repetitions=options.repetitions)
    chosen = [scenario for scenario in _SCENARIOS if scenario.name in {"classic", *(options.only or [scenario.name])}]
    try:
        page = _page(options.write)
        cores = machine.preflight()
        os.sched_setaffinity(0, {cores[1]})  # the measured core is for what is measured alone
        about = {"machine": machine.description(cores, _folder()), "versions": machine.versions()}
        rows = _run(settings, chosen, cores)
    except (CannotRun, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    summary = _summary(rows, about, settings)
    print(summary)
    if options.json:
        options.json.write_text(json.dumps(_as_json(rows, about), indent=2) + "\n")
    if any(row.verdict == "could not run" for row in rows):
        return 1
    if options.write:
        options.write.write_text(spliced(page, summary))
    return 0


def _page(path: Path | None) -> str:
    """The page to write into, read before the long run: a page without its markers should be told at once."""
    page = path.read_text() if path and path.exists() else NEW_PAGE
    try:
        spliced(page, "")
    except ValueError as error:
        raise CannotRun(f"{path}: {error}") from error
    return page


def _parser() -> argparse.ArgumentParser:
    what = "What an event costs, in units that anybody can repeat."
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=what)
    parser.add_argument("--quick", action="store_true", help="one short repetition: a look, not a measurement")
    names = [scenario.name for scenario in _SCENARIOS]
    only = f"one scenario, repeatable: {', '.join(names)}"
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=only)
    parser.add_argument("--repetitions", type=int, metavar="N", help="of each scenario, 5 without this")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every repetition's figures here too")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table on this Markdown page, if all ran")
    return parser


def _folder() -> Path:
    """Where a run keeps its files."""
    machine.CACHE.mkdir(exist_ok=True)
    return machine.CACHE


def _run(settings: Settings, chosen: Sequence[Scenario], cores: Sequence[int]) -> list[Row]:
    """All repetitions of the chosen scenarios; the first row is the unit."""
    rows = [Row(scenario.name, scenario.title, scenario.musts) for scenario in chosen]
    unit = Row("unit", "N: nginx proxy_pass")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=_folder())))
        bench = stack.enter_context(prepared(settings, cores, folder))
        for repetition in range(settings.repetitions):
            classic_us = 0.0
            for row, scenario in zip(rows, chosen, strict=True):
                _say(f"repetition {repetition + 1} of {settings.repetitions}: {scenario.title}")
                figures = _repetition(bench, row, unit, scenario, classic_us)
                if scenario.name == "classic":
                    classic_us = figures.get("us", 0.0)
    return [unit, *rows]


def _repetition(bench: Bench, row: Row, unit: Row, scenario: Scenario, classic_us: float) -> Figures:
    """One scenario once, with its own N, measured before and after it where it was not measured in between: the machine
    drifts, and neighbours in time drift together.
    """
    if row.failure:
        return {}
    try:
        before_us = bench.unit().us_per_delivered if scenario.in_units else 0.0
        result = scenario.run(bench)
        n_us = result.unit_us
        if scenario.in_units and not n_us:
            n_us = (before_us + bench.unit().us_per_delivered) / 2
    except CannotRun as error:
        row.failure = str(error)
        _say(f"  {error}")
        return {}
    figures = {**result.figures}
    if scenario.in_units:
        unit.repetitions.append({"us": n_us})
        figures["n"] = figures["us"] / n_us
        if classic_us:
            figures["classic"] = figures["us"] / classic_us
    row.repetitions.append(figures)
    row.missing += result.missing
    row.remarks += [result.remarks] if result.remarks else []
    _say("  " + ", ".join([*(said(name, value) for name, value in figures.items()), *filter(None, [result.remarks])]))
    return figures


def _summary(rows: Sequence[Row], about: dict[str, Any], settings: Settings) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    date = time.strftime("%Y-%m-%d", time.gmtime())
    how = f"{date}, medians of {settings.repetitions}, windows of {settings.window_s} s. Repeat it: `make bench`."
    remarks = "\n".join(f"- {note}" for note in notes(rows))
    return "\n\n".join(part for part in (how, table(rows), remarks, f"{about['machine']}.\n{versions}.") if part)


def _as_json(rows: Sequence[Row], about: dict[str, Any]) -> dict[str, Any]:
    told = [
        {"name": row.name, "verdict": row.verdict, "medians": row.medians, "repetitions": row.repetitions}
        for row in rows
    ]
    return {**about, "notes": notes(rows), "rows": told}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
