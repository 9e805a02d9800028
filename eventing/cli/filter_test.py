"""`eventing filter test`: whether a filter lets an event through, clause by clause, without a server."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from channels import codec
from channels.errors import MalformedEvent
from channels.event import Event
from eventing.cli.output import MISUSE, REFUSED, Failure, printable

if TYPE_CHECKING:
    from dispatcher.filters import Predicate

FilterText = Annotated[
    str, typer.Argument(metavar="FILTER", help="Trigger file, filters in YAML or JSON (file or text), or CESQL text.")
]
EventText = Annotated[
    str, typer.Argument(metavar="EVENT", help="Event in the JSON format: file, text, or - for stdin.")
]

_DIALECTS: Final = frozenset({"exact", "prefix", "suffix", "all", "any", "not", "cesql"})
_WORDS: Final = _DIALECTS | {"filter", "filters", "attributes", "kind", "spec"}


def filter_test(filter_: FilterText, event: EventText) -> None:
    """Say whether FILTER lets EVENT through, and what each clause said. Exits with 0 for a match, 1 for none."""
    predicate = read_filter(filter_)
    explanation = predicate.explain(read_event(event))
    typer.echo("match" if explanation.passed else "no match")
    typer.echo(printable(str(explanation)))
    if not explanation.passed:
        raise typer.Exit(REFUSED)


def read_filter(given: str) -> "Predicate":
    """The predicate in a file, or in the text itself. Raises Failure with all faults in it."""
    from dispatcher.filters import InvalidFilter, parse_filters

    content = _file_content(given)
    try:
        text = given if content is None else content.decode("utf-8")
        legacy, filters = _spec_of(text, is_file=content is not None)
        return parse_filters(legacy, filters)
    except UnicodeDecodeError as error:
        raise Failure(f"FILTER: {given} is no UTF-8: {error}", code=MISUSE) from error
    except InvalidFilter as error:
        raise Failure("\n".join(map(str, error.errors)), code=MISUSE) from error


def read_event(given: str) -> Event:
    """The event in a file, on stdin, or in the text itself. Raises Failure."""
    text = sys.stdin.buffer.read() if given == "-" else _file_content(given)
    if text is None:
        if not given.lstrip().startswith("{"):
            raise Failure(f"EVENT: there is no file {given!r}, and it is no JSON object", code=MISUSE)
        text = given.encode()
    try:
        return codec.decode_structured(text)
    except MalformedEvent as error:
        raise Failure(f"EVENT is no CloudEvent in the JSON format: {error}", code=MISUSE) from error


def _file_content(given: str) -> bytes | None:
    """What is in the file of that name; None where there is none, or where the text could not be a name."""
    path = Path(given)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):
        return None
    try:
        return path.read_bytes() if is_file else None
    except OSError as error:
        raise Failure(f"{given}: {error.strerror}", code=MISUSE) from error


def _spec_of(text: str, *, is_file: bool) -> tuple[object, object]:
    """`filter` and `filters` as a Trigger's spec would have them."""
    import yaml

    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        if is_file or text.lstrip().startswith(("{", "[")):
            raise Failure(f"FILTER is no YAML: {error}", code=MISUSE) from error
        return None, [{"cesql": text}]
    triggers = [one for one in documents if isinstance(one, dict) and one.get("kind") == "Trigger"]
    found = _only(triggers) if triggers else _only(documents)
    if isinstance(found, list):
        return None, found
    if isinstance(found, dict) and (is_file or _WORDS & found.keys() or text.lstrip().startswith("{")):
        return _mapping_spec(found)
    # CESQL may look like YAML (`type = 'a: b'`), so that what has no word of a filter is taken for CESQL.
    return None, [{"cesql": text.strip()}]


def _only(documents: Iterable[Any]) -> Any:
    found = list(documents)
    if len(found) != 1:
        raise Failure(f"FILTER must hold one filter, not {len(found)}", code=MISUSE)
    return found[0]


def _mapping_spec(found: Mapping[Any, Any]) -> tuple[object, object]:
    spec = found.get("spec", {}) if "kind" in found else found
    if not isinstance(spec, dict):
        raise Failure("FILTER: spec is no map", code=MISUSE)
    if "kind" in found or "filter" in spec or "filters" in spec:
        return spec.get("filter"), spec.get("filters")
    return (found, None) if "attributes" in found else (None, [found])
