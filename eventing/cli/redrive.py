"""`eventing redrives`: how far redrives are."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventing.cli.output import OutputOption, emit, new_table
from eventing.cli.server import DEFAULT_SERVER, ServerOption, ask

if TYPE_CHECKING:
    from rich.console import RenderableType

LOOK_INTERVAL_S: Final = 0.25
"""Between two looks at a redrive that is being followed."""
_COLUMNS: Final = ("id", "started", "ended", "total", "delivered", "failed", "left", "rate", "selector")


def list_redrives(server: ServerOption = DEFAULT_SERVER, output: OutputOption = "table") -> None:
    """List the redrives under way and the last that ended, newest first."""
    redrives = ask(server, "/ops/v1/redrives")["items"]
    emit(redrives, output, lambda: [redrive_table(redrives)])


def follow(server: str, redrives: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Show on stderr how far they are until they ended, and return them as they ended."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("redrive"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=sum(one["total"] for one in redrives))
        while True:
            failed = sum(one["failed"] for one in redrives)
            done = failed + sum(one["delivered"] for one in redrives)
            progress.update(bar, completed=done, description=f"{failed} failed again" if failed else "")
            if all(one["ended"] for one in redrives):
                return redrives
            time.sleep(LOOK_INTERVAL_S)
            redrives = [ask(server, f"/ops/v1/redrives/{one['id']}") for one in redrives]


def redrive_table(redrives: Sequence[Mapping[str, Any]]) -> "RenderableType":
    """A line for each."""
    return new_table(_COLUMNS, [_row(one) for one in redrives])


def _row(redrive: Mapping[str, Any]) -> Sequence[object]:
    left = redrive["total"] - redrive["delivered"] - redrive["failed"]
    asked = {name: value for name, value in redrive["selector"].items() if value}
    words = " ".join(f"{name}={','.join(value) if isinstance(value, list) else value}" for name, value in asked.items())
    rate = "-" if redrive["rate"] is None else f"{redrive['rate']:g}/s"
    return (
        redrive["id"], redrive["started"], redrive["ended"] or "-", redrive["total"], redrive["delivered"],
        redrive["failed"], left, rate, words or "all",
    )  # fmt: skip
