"""Which dead letters a command is about: options that several commands share."""

import re
from typing import Annotated, Any, Final

import typer

from eventing.api.moment import parse_moment

_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(?:/([smh]))?", re.ASCII)
_SECONDS: Final = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_since(text: str) -> str:
    """The text itself, where it says a moment. Raises BadParameter."""
    try:
        parse_moment(text, 0.0)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return text


def parse_rate(text: str) -> float:
    """Events a second in `10`, `10/s`, `600/m` or `36000/h`. Raises BadParameter."""
    found = _RATE.fullmatch(text)
    rate = float(found[1]) / _SECONDS[found[2]] if found else 0.0
    if not rate:
        raise typer.BadParameter(f"{text!r} is no rate such as 10/s or 600/m")
    return rate


NamespaceOption = Annotated[str | None, typer.Option("-n", "--namespace", help="Only those of this namespace.")]
BrokerOption = Annotated[str | None, typer.Option("--broker", help="Only those of this Broker.")]
TriggerOption = Annotated[str | None, typer.Option("--trigger", help="Only those of this Trigger.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only those with this reason.")]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", parser=parse_since, metavar="TIME", help="Failed then or later: RFC 3339, or 1h for ago."),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", parser=parse_since, metavar="TIME", help="Failed before that: RFC 3339, or 1h for ago."),
]
IdOption = Annotated[list[str] | None, typer.Option("--id", help="The one with this id; repeatable.")]
RateOption = Annotated[
    float | None, typer.Option("--rate", parser=parse_rate, metavar="N/s", help="Events a second; also N/m and N/h.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what it would be done to.")]
OldestOption = Annotated[int | None, typer.Option("--limit", min=1, help="No more than so many: the oldest.")]


def selection(
    namespace: str | None,
    broker: str | None,
    trigger: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    ids: list[str] | None,
) -> dict[str, Any]:
    """As the ops API takes it, without what was not asked for."""
    asked = {
        "namespace": namespace,
        "broker": broker,
        "trigger": trigger,
        "reason": reason,
        "since": since,
        "until": until,
        "id": ids or None,
    }
    return {name: value for name, value in asked.items() if value is not None}
