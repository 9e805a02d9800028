"""`eventing status`: Brokers, Triggers and their lanes, and the journal."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eventing.cli.output import Output, OutputOption, console, emit, new_table, yes_no
from eventing.cli.server import DEFAULT_SERVER, Absent, ServerOption, ask

if TYPE_CHECKING:
    from rich.console import Group

Watch = Annotated[bool, typer.Option("--watch", help="Keep the tables up to date until interrupted.")]
Interval = Annotated[float, typer.Option("--interval", min=0.1, help="Seconds between two looks, with --watch.")]

_JOURNAL_COLUMNS = ("journal", "held", "bound", "file", "damaged")
_BROKER_COLUMNS = ("namespace", "broker", "ready", "channel", "held", "accepted", "triggers", "address")
_TRIGGER_COLUMNS = (
    "namespace", "trigger", "broker", "ready", "waiting", "parked", "in flight", "delivered", "retried", "dead", "pace",
    "state", "latency", "subscriber",
)  # fmt: skip
_MIB = 1024 * 1024


def status(
    server: ServerOption = DEFAULT_SERVER,
    output: OutputOption = "table",
    watch: Watch = False,
    interval: Interval = 1.0,
) -> None:
    """Show Brokers, Triggers and what their lanes hold."""
    if not watch:
        return _print_once(server, output)
    if output != "table":
        raise typer.BadParameter("--watch shows tables only")
    return _print_forever(server, interval)


def _print_once(server: str, output: Output) -> None:
    seen = _look(server)
    emit(seen, output, lambda: [_tables(seen)])


def _print_forever(server: str, interval_s: float) -> None:
    from rich.live import Live

    try:
        with Live(_tables(_look(server)), console=console(), auto_refresh=False) as live:
            while True:
                time.sleep(interval_s)
                live.update(_tables(_look(server)), refresh=True)
    except KeyboardInterrupt:
        return  # the way a watch is meant to end


def _look(server: str) -> dict[str, Any]:
    seen = {kind: ask(server, f"/ops/v1/{kind}")["items"] for kind in ("brokers", "triggers")}
    return {**seen, "journal": _journal(server)}


def _journal(server: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = ask(server, "/ops/v1/journal")
    except Absent:
        return None
    return found


def _tables(seen: Mapping[str, Any]) -> "Group":
    from rich.console import Group

    brokers = new_table(_BROKER_COLUMNS, [_broker_row(one) for one in seen["brokers"]])
    triggers = new_table(_TRIGGER_COLUMNS, [_trigger_row(one) for one in seen["triggers"]])
    journal = seen["journal"]
    head = () if journal is None else (new_table(_JOURNAL_COLUMNS, [_journal_row(journal)]), "")
    return Group(*head, brokers, "", triggers)


def _journal_row(journal: Mapping[str, Any]) -> Sequence[object]:
    sizes = (f"{journal[size] / _MIB:.1f} MiB" for size in ("sizeBytes", "sizeMaxBytes", "fileSizeBytes"))
    return (journal["fault"] or "ok", *sizes, journal["damaged"])


def _broker_row(broker: Mapping[str, Any]) -> Sequence[object]:
    held = broker["statistics"]
    return (
        broker["namespace"], broker["name"], _ready(broker), _channel(broker),
        "-" if held is None else held["events"], broker["accepted"], broker["triggers"], broker["address"],
    )  # fmt: skip


def _channel(broker: Mapping[str, Any]) -> str:
    """What its events rest in, and where that is a server how far one may trust it."""
    if not broker["persistence"]:
        return broker["channel"] or "-"
    return f"{broker['channel']} ({broker['persistence']}{'' if broker['durable'] else ', not durable'})"


def _trigger_row(trigger: Mapping[str, Any]) -> Sequence[object]:
    head = (trigger["namespace"], trigger["name"], trigger["broker"], _ready(trigger))
    lane = trigger["lane"]
    if lane is None:
        return (*head, *("-",) * 9, trigger["subscriberUri"])
    latency_s = lane["latencyMeanS"]
    return (
        *head, lane["waiting"], lane["parked"], lane["inFlight"], lane["delivered"], lane["retried"],
        lane["deadLettered"], _pace(lane), _state(lane), "-" if latency_s is None else f"{latency_s * 1000:.1f} ms",
        trigger["subscriberUri"],
    )  # fmt: skip


def _pace(lane: Mapping[str, Any]) -> str:
    """Attempts at a time, and how many a second where that is limited."""
    return str(lane["concurrency"]) + ("" if lane["rate"] is None else f" at {lane['rate']:g}/s")


def _state(lane: Mapping[str, Any]) -> str:
    """What keeps its events, if anything does."""
    states = {
        "paused": lane["paused"],
        f"breaker {lane['breaker']}": lane["breaker"] != "closed",
        "catching up": lane["catchingUp"],
        f"{lane['blockedKeys']} blocked keys": lane["blockedKeys"],
    }
    return ", ".join(words for words, holds in states.items() if holds) or "flowing"


def _ready(resource: Mapping[str, Any]) -> str:
    return yes_no(resource["ready"]) if resource["ready"] else f"False ({resource['reason']})"
