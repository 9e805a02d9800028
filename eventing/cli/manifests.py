"""The objects in files that commands are given: files, folders, and stdin as `-`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from eventing.cli.output import Failure

FilesOption = Annotated[
    list[str] | None,
    typer.Option("-f", "--filename", metavar="FILE", help="Manifest, folder of manifests, or - for stdin. Repeatable."),
]
_SUFFIXES = (".json", ".yaml", ".yml")


def objects(files: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Every object, with where it stands, in the order of the files; Lists are taken apart. Raises Failure."""
    return [found for file in files for source, text in _texts(file) for found in _objects(source, text)]


def _texts(file: str) -> Iterator[tuple[str, str]]:
    if file == "-":
        from eventing.resources.document import SIZE_MAX_BYTES

        yield "stdin", sys.stdin.read(SIZE_MAX_BYTES + 1)
        return
    path = Path(file)
    try:
        if path.is_dir():
            paths = sorted(child for child in path.iterdir() if child.suffix in _SUFFIXES and child.is_file())
        else:
            paths = [path]
        for one in paths:
            yield str(one), one.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file}: cannot be read: {error}") from error


def _objects(source: str, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    from eventing.resources.document import SIZE_MAX_BYTES, MalformedDocument, read_json, read_yaml

    if len(text) > SIZE_MAX_BYTES:
        raise Failure(f"{source}: larger than {SIZE_MAX_BYTES} bytes")
    try:
        documents = read_json(text) if source.endswith(".json") else read_yaml(text)
    except MalformedDocument as error:
        raise Failure(f"{source}: {error}") from error
    for document in documents:
        for item in _flat(document.value):
            if not isinstance(item, dict) or not isinstance(item.get("metadata", {}), dict):
                raise Failure(f"{source}: document {document.number}: no object")
            yield source, item


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and isinstance(value.get("items"), list) and str(value.get("kind")).endswith("List"):
        for item in value["items"]:
            yield from _flat(item)
    elif value is not None:
        yield value
