"""`eventing send`: one event, or many."""

import asyncio
import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Final

import typer

from channels.errors import MalformedEvent
from channels.event import Event
from eventing.cli.output import MISUSE, REFUSED, Failure, printable
from eventing.client import Client, Mode, Refused, Unanswered

_OWN_OPTIONS: Final = ("specversion", "id", "source", "type", "subject", "datacontenttype")
_REASONS_SHOWN: Final = 10

Url = Annotated[str, typer.Argument(help="Where to: http://localhost:8080/NAMESPACE/BROKER, or any sink.")]
Type = Annotated[str, typer.Option("--type", help="What happened, such as com.example.sold.")]
Source = Annotated[str, typer.Option(help="Where it happened, a URI-reference.")]
Id = Annotated[str | None, typer.Option("--id", help="Default: a random UUID. With --count: ID-1, ID-2, ...")]
Subject = Annotated[str | None, typer.Option(help="What it happened to.")]
Data = Annotated[str | None, typer.Option(help="The data, as text.")]
DataFile = Annotated[Path | None, typer.Option(metavar="FILE", help="The data, as it is in a file; - is stdin.")]
Extensions = Annotated[
    list[str] | None, typer.Option("--ext", metavar="NAME=VALUE", help="Any other attribute. Repeatable.")
]
ContentType = Annotated[str | None, typer.Option(help="Default: application/json or text/plain, as the data is.")]
ContentMode = Annotated[Mode, typer.Option(help="Attributes in headers, or all in one JSON text.")]
Count = Annotated[int, typer.Option(min=1, help="How many events.")]
Concurrency = Annotated[int, typer.Option(min=1, max=1000, help="How many at a time.")]


@dataclass(slots=True)
class Tally:
    """What became of the events sent."""

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By the receiver's words."""
    seconds: float = 0.0

    def summary(self) -> str:
        """One line, and one for each of the most frequent reasons."""
        refused = self.refused.total()
        rate = f", {self.accepted / self.seconds:.0f} events/s" if self.accepted > 1 and self.seconds else ""
        reasons = [f"  {count} x {printable(reason)}" for reason, count in self.refused.most_common(_REASONS_SHOWN)]
        return "\n".join([f"{self.accepted} accepted, {refused} refused{rate}", *reasons])


def send(
    url: Url,
    type_: Type,
    source: Source,
    id_: Id = None,
    subject: Subject = None,
    data: Data = None,
    data_file: DataFile = None,
    ext: Extensions = None,
    content_type: ContentType = None,
    mode: ContentMode = "binary",
    count: Count = 1,
    concurrency: Concurrency = 1,
) -> None:
    """Send a CloudEvent over HTTP. Exits with 1 where any was refused. Its time is the moment of sending."""
    _check_url(url)
    body = _body(data, data_file)
    attributes = {
        "time": _now(), **_extensions(ext or []), "type": type_, "source": source, "subject": subject,
        "datacontenttype": content_type or _content_type(body),
    }  # fmt: skip
    try:
        events = _events(attributes, body, id_, count)
        with _progress(count) as advance:
            tally = asyncio.run(send_all(url, events, mode=mode, concurrency=concurrency, advance=advance))
    except MalformedEvent as error:
        raise Failure(f"this is no valid CloudEvent: {error}", code=MISUSE) from error
    typer.echo(tally.summary(), err=True)
    if tally.refused:
        raise typer.Exit(REFUSED)


async def send_all(
    url: str, events: Iterator[Event], *, mode: Mode, concurrency: int, advance: Callable[[], object]
) -> Tally:
    """Send the events, `concurrency` at a time, calling `advance` after each. What is refused is not sent again."""
    tally = Tally()
    started = time.monotonic()
    async with Client(url) as client, asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(_send_each(client, events, mode, tally, advance))
    tally.seconds = time.monotonic() - started
    return tally


async def _send_each(
    client: Client, events: Iterator[Event], mode: Mode, tally: Tally, advance: Callable[[], object]
) -> None:
    for event in events:
        try:
            await client.send(event, mode)
            tally.accepted += 1
        except Refused as refused:
            tally.refused[str(refused)] += 1
        except Unanswered as error:
            tally.refused[f"no answer: {error}"] += 1
        advance()


def _events(
    attributes: Mapping[str, str | None], body: bytes | None, identity: str | None, count: int
) -> Iterator[Event]:
    """`count` events that differ in their ids. The first is made at once, to find its faults before sending."""
    first = Event.from_attributes({"id": _id_of(identity, 1, count), **attributes}, body)
    rest = (first.with_attributes({"id": _id_of(identity, number, count)}) for number in range(2, count + 1))
    return chain([first], rest)


def _id_of(identity: str | None, number: int, count: int) -> str:
    if identity is None:
        return str(uuid.uuid4())
    return identity if count == 1 else f"{identity}-{number}"


@contextmanager
def _progress(count: int) -> Iterator[Callable[[], object]]:
    """A bar on stderr where that is a terminal and there is more than one event; what to call after each."""
    if count == 1 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sending", total=count)
        yield lambda: bar.advance(task)


def _check_url(url: str) -> None:
    import httpx2

    try:
        parsed = httpx2.URL(url)
        is_good = parsed.scheme in ("http", "https") and bool(parsed.host)
    except httpx2.InvalidURL:
        is_good = False
    if not is_good:
        raise Failure(f"{url!r} is no address such as http://localhost:8080/default/shop", code=MISUSE)


def _body(data: str | None, data_file: Path | None) -> bytes | None:
    if data is not None and data_file is not None:
        raise Failure("--data and --data-file exclude each other", code=MISUSE)
    if data_file is None:
        return None if data is None else data.encode()
    try:
        return sys.stdin.buffer.read() if data_file == Path("-") else data_file.read_bytes()
    except OSError as error:
        raise Failure(f"--data-file {data_file}: {error.strerror}", code=MISUSE) from error


def _content_type(body: bytes | None) -> str | None:
    """What the data is: JSON where it parses, else text where it is UTF-8."""
    if body is None:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return "text/plain"
    return "application/json"


def _extensions(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise Failure(f"--ext {pair}: write NAME=VALUE", code=MISUSE)
        if name in _OWN_OPTIONS or name in found:
            raise Failure(f"--ext {name}: this attribute has an option of its own, or is given twice", code=MISUSE)
        found[name] = value
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
