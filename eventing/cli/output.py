"""How commands show things: failures, values in the format asked for, events, and text from strangers made safe."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from channels.attribute import canonical, is_json
from channels.event import Event

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

Output = Literal["table", "json", "yaml"]
OutputOption = Annotated[Output, typer.Option("-o", "--output", help="How to print the answer.")]

REFUSED: Final = 1
MISUSE: Final = 2

DATA_MAX_CHARACTERS: Final = 4096
"""How much of an event's data is printed for people."""
_PIPE_WIDTH: Final = 240
"""Columns of a table that no terminal bounds: wide enough that nothing is cut."""


class Failure(Exception):  # noqa: N818 - what the user reads is its text, not its name
    """The command ends here. Its text is for the user; `code` is the process' exit code."""

    def __init__(self, text: str, *, code: int = REFUSED) -> None:
        super().__init__(text)
        self.code = code


def printable(text: str) -> str:
    """The text without what could steer a terminal: everything unprintable but line feed and tab is escaped."""
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)


def emit(value: Any, output: Output, table: Callable[[], Sequence["RenderableType"]]) -> None:
    """Print a JSON value on stdout as JSON, as YAML, or as the tables that `table` makes of it."""
    if output == "json":
        typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
    elif output == "yaml":
        import yaml

        typer.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    else:
        stdout = console()
        for part in table():
            stdout.print(part)


def console() -> "Console":
    """Stdout with rich: colours on a terminal, plain and wide elsewhere."""
    import sys

    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)


def new_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> "Table":
    """A table without lines, as kubectl prints them: titles in capitals, cells folded rather than cut."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.upper(), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    return table


def yes_no(value: object) -> str:
    """How kubectl shows a condition."""
    return "True" if value else "False"


def event_text(event: Event) -> str:
    """An event for people: its attributes, one a line, then its data, bounded and indented."""
    lines = [f"  {name}: {canonical(value)}" for name, value in event.attributes.items()]
    if event.data is not None:
        lines += ["  data:", *(f"    {line}" for line in data_text(event, event.data).splitlines())]
    return printable("\n".join(lines))


def data_text(event: Event, data: bytes) -> str:
    """The data for people: JSON laid out, other text as it is, anything else by its size; cut where it is long."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return f"({len(data)} bytes that are no text)"
    if event.json_data or is_json(event.datacontenttype or ""):
        text = _laid_out(text)
    rest = len(text) - DATA_MAX_CHARACTERS
    return text if rest <= 0 else f"{text[:DATA_MAX_CHARACTERS]}\n({rest} characters more)"


def _laid_out(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
