"""`eventing deadletters`: what failed for good, and why."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eventing.cli.output import OutputOption, emit, new_table, printable
from eventing.cli.server import DEFAULT_SERVER, ServerOption, ask

if TYPE_CHECKING:
    from rich.console import RenderableType

Only = Annotated[str | None, typer.Option(help="Only those with this value.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many to list, newest first.")]
LetterId = Annotated[int, typer.Argument(metavar="ID", help="The number in `eventing deadletters list`.")]


def list_dead_letters(
    server: ServerOption = DEFAULT_SERVER,
    output: OutputOption = "table",
    namespace: Only = None,
    broker: Only = None,
    trigger: Only = None,
    reason: Only = None,
    limit: Limit = 100,
) -> None:
    """List dead letters, newest first, and count them by reason."""
    wanted = {"namespace": namespace, "broker": broker, "trigger": trigger, "reason": reason, "limit": limit}
    answer = ask(server, "/ops/v1/deadletters", **wanted)
    emit(answer, output, lambda: [_list_table(answer["items"])])
    if output == "table":
        typer.echo(_summary(answer), err=True)


def show_dead_letter(
    letter_id: LetterId, server: ServerOption = DEFAULT_SERVER, output: OutputOption = "table"
) -> None:
    """Show one dead letter: the event, and every attempt to deliver it."""
    letter = ask(server, f"/ops/v1/deadletters/{letter_id}")
    emit(letter, output, lambda: _letter_parts(letter))


def _list_table(letters: Sequence[Mapping[str, Any]]) -> "RenderableType":
    columns = ("id", "time", "namespace", "trigger", "reason", "attempts", "type", "source", "event id")
    rows = [
        (
            one["id"], one["time"], one["namespace"], one["trigger"], one["reason"], one["attemptCount"],
            one["attributes"]["type"], one["attributes"]["source"], one["attributes"]["id"],
        )
        for one in letters
    ]  # fmt: skip
    return new_table(columns, rows)


def _summary(answer: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{count} {reason}" for reason, count in answer["countByReason"].items())
    evicted = f"; {answer['evicted']} older ones made room" if answer["evicted"] else ""
    return printable(f"{len(answer['items'])} of {answer['total']} shown{': ' if counts else ''}{counts}{evicted}")


def _letter_parts(letter: Mapping[str, Any]) -> Sequence["RenderableType"]:
    from rich.text import Text

    facts = [(name, letter[name]) for name in ("id", "time", "namespace", "broker", "trigger", "reason")]
    attempts = [
        (one["time"], one["destination"], one["status"] or "-", f"{one['latencyS'] * 1000:.1f} ms", _words(one))
        for one in letter["attempts"]
    ]
    return [
        new_table(("dead letter", ""), facts),
        "",
        new_table(("attribute", ""), list(letter["attributes"].items())),
        "",
        Text(printable(_data(letter))),
        "",
        new_table(("attempt", "destination", "status", "latency", "answer"), attempts),
    ]


def _words(attempt: Mapping[str, Any]) -> str:
    return str(attempt["error"] or attempt["answer"])


def _data(letter: Mapping[str, Any]) -> str:
    if letter["data_base64"] is not None:
        return f"data, in base64:\n{letter['data_base64']}"
    data = letter["data"]
    if data is None:
        return "no data"
    return "data:\n" + (data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False))
