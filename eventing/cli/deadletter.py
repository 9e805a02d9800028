"""`eventing deadletters`: what failed for good, why, and what is to become of it."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from eventing.cli.output import MISUSE, REFUSED, Failure, Output, OutputOption, emit, new_table, printable
from eventing.cli.redrive import follow, redrive_table
from eventing.cli.selection import (
    BrokerOption,
    DryRunOption,
    IdOption,
    NamespaceOption,
    OldestOption,
    RateOption,
    ReasonOption,
    SinceOption,
    TriggerOption,
    UntilOption,
    selection,
)
from eventing.cli.server import DEFAULT_SERVER, ServerOption, ask, order

if TYPE_CHECKING:
    from rich.console import RenderableType

_PATH: Final = "/ops/v1/deadletters"
_PAGE_MAX: Final = 1000
"""How many the ops API shows at once."""

LetterId = Annotated[str, typer.Argument(metavar="ID", help="The id in `eventing deadletters list`.")]
NewestOption = Annotated[int, typer.Option("--limit", min=1, help="How many to list: the newest.")]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Leave it to the server, and do not wait for its end.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def list_dead_letters(
    server: ServerOption = DEFAULT_SERVER,
    output: OutputOption = "table",
    namespace: NamespaceOption = None,
    broker: BrokerOption = None,
    trigger: TriggerOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    ids: IdOption = None,
    limit: NewestOption = 100,
) -> None:
    """Count dead letters by Trigger and reason, then list the newest."""
    asked = selection(namespace, broker, trigger, reason, since, until, ids)
    if output != "table":
        letters, missing = _newest(server, asked, limit)
        _tell_missing(missing)
        return emit(letters, output, list)
    tally = ask(server, f"{_PATH}/tally", asked)
    letters, missing = _newest(server, asked, limit)
    _tell_missing([*tally["missing"], *missing])
    emit(letters, output, lambda: [_tally_table(tally["items"]), "", _list_table(letters)] if letters else [])
    evicted = f"; {tally['evicted']} older ones made room" if tally["evicted"] else ""
    return typer.echo(f"{len(letters)} of {tally['total']} shown{evicted}", err=True)


def show_dead_letter(
    letter_id: LetterId, server: ServerOption = DEFAULT_SERVER, output: OutputOption = "table"
) -> None:
    """Show one dead letter: the event, and every attempt to deliver it."""
    letter = ask(server, f"{_PATH}/{quote(letter_id, safe='')}")
    emit(letter, output, lambda: _letter_parts(letter))


def redrive_dead_letters(
    server: ServerOption = DEFAULT_SERVER,
    output: OutputOption = "table",
    namespace: NamespaceOption = None,
    broker: BrokerOption = None,
    trigger: TriggerOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    ids: IdOption = None,
    limit: OldestOption = None,
    rate: RateOption = None,
    dry_run: DryRunOption = False,
    no_wait: NoWaitOption = False,
) -> None:
    """Deliver dead letters once more, oldest first, to the Triggers they failed for. Exits with 1 if any fails, or if a
    server is away that may hold any.
    """
    asked = selection(namespace, broker, trigger, reason, since, until, ids)
    if dry_run:
        return _rehearse(server, f"{_PATH}/redrive", asked, limit, output)
    answer = order(server, f"{_PATH}/redrive", {**asked, "limit": limit, "rate": rate})
    begun, missing = answer["items"], answer["missing"]
    _tell_missing(missing)
    if not begun:
        typer.echo("no dead letter is waiting for that", err=True)
    if begun and not no_wait:
        begun = _follow(server, begun)
    emit(begun, output, lambda: [redrive_table(begun)] if begun else [])
    if missing or any(one["failed"] for one in begun):
        raise typer.Exit(REFUSED)
    return None


def discard_dead_letters(
    server: ServerOption = DEFAULT_SERVER,
    output: OutputOption = "table",
    namespace: NamespaceOption = None,
    broker: BrokerOption = None,
    trigger: TriggerOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    ids: IdOption = None,
    limit: OldestOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Let dead letters go, oldest first: nothing brings them back. Exits with 1 if a server is away that may hold
    any.
    """
    asked = selection(namespace, broker, trigger, reason, since, until, ids)
    if dry_run:
        return _rehearse(server, f"{_PATH}/discard", asked, limit, output)
    body = {**asked, "limit": limit} if yes else _confirmed(server, asked, limit)
    nothing: Mapping[str, Any] = {"items": [], "missing": []}
    answer = nothing if body["limit"] == 0 else order(server, f"{_PATH}/discard", body)
    gone = answer["items"]
    _tell_missing(answer["missing"])
    emit(gone, output, lambda: [_discarded_table(gone)] if gone else [])
    typer.echo(f"{sum(one['count'] for one in gone)} discarded", err=True)
    if answer["missing"]:
        raise typer.Exit(REFUSED)
    return None


def _newest(server: str, asked: Mapping[str, Any], limit: int) -> tuple[list[Any], list[Any]]:
    """Page by page, and who was missing in any of them."""
    letters: list[Any] = []
    missing: list[Any] = []
    before = ""
    while True:
        size = min(limit - len(letters), _PAGE_MAX)
        page = ask(server, _PATH, {**asked, "limit": size, "before": before or None})
        letters += page["items"]
        missing += page["missing"]
        before = page["next"]
        if not before or len(letters) >= limit:
            return letters, missing


def _tell_missing(missing: Sequence[Mapping[str, Any]]) -> None:
    """A line for each store that was away, however often it was asked."""
    for store, message in {one["store"]: one["message"] for one in missing}.items():
        typer.echo(printable(f"without the dead letters of {store}: {message}"), err=True)


def _rehearse(server: str, path: str, asked: Mapping[str, Any], limit: int | None, output: Output) -> None:
    """Show what would be done to which, and do nothing."""
    answer = order(server, path, {**asked, "limit": limit, "dryRun": True})
    counted = ask(server, f"{_PATH}/tally", asked)
    tally = counted["items"]
    _tell_missing([*answer["missing"], *counted["missing"]])
    emit(tally, output, lambda: [_tally_table(tally)] if tally else [])
    typer.echo(f"{answer['count']} of these; nothing was done", err=True)


def _confirmed(server: str, asked: Mapping[str, Any], limit: int | None) -> Mapping[str, Any]:
    """What to discard, once somebody said yes to it: no more than was counted, whatever fails meanwhile."""
    if not sys.stdin.isatty():
        if not asked:
            raise Failure("say which dead letters to discard, or --yes for all of them", code=MISUSE)
        return {**asked, "limit": limit}
    counted = order(server, f"{_PATH}/discard", {**asked, "limit": limit, "dryRun": True})
    count = counted["count"]
    _tell_missing(counted["missing"])
    if counted["missing"] and not count:
        raise typer.Exit(REFUSED)
    if count:
        typer.confirm(f"Discard {count} dead letters? Nothing brings them back.", abort=True, err=True)
    return {**counted["selector"], "limit": count}


def _follow(server: str, begun: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    try:
        return follow(server, begun)
    except KeyboardInterrupt:
        typer.echo("it goes on; `eventing redrives list` tells how far it is", err=True)
        return begun


def _tally_table(tally: Sequence[Mapping[str, Any]]) -> "RenderableType":
    columns = ("reason", "count", "namespace", "broker", "trigger", "first", "last")
    return new_table(columns, [[one[column] for column in columns] for one in tally])


def _discarded_table(discarded: Sequence[Mapping[str, Any]]) -> "RenderableType":
    columns = ("namespace", "broker", "trigger", "count")
    return new_table(columns, [[one[column] for column in columns] for one in discarded])


def _list_table(letters: Sequence[Mapping[str, Any]]) -> "RenderableType":
    columns = ("id", "time", "namespace", "trigger", "reason", "attempts", "redrive", "type", "source", "event id")
    rows = [
        (
            one["id"], one["time"], one["namespace"], one["trigger"], one["reason"], one["attemptCount"],
            one["redriveState"] or "-", one["attributes"]["type"], one["attributes"]["source"], one["attributes"]["id"],
        )
        for one in letters
    ]  # fmt: skip
    return new_table(columns, rows)


def _letter_parts(letter: Mapping[str, Any]) -> Sequence["RenderableType"]:
    from rich.text import Text

    facts = [(name, letter[name]) for name in ("id", "time", "namespace", "broker", "trigger", "reason")]
    if letter["redriveId"]:
        facts.append(("redrive", f"{letter['redriveId']} {letter['redriveState']}, {letter['redrives']} failed"))
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
