"""Resources from files: read them, check them all, then make the store hold what they say.

Nothing is applied where anything is wrong, and everything that is wrong is told at once.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from dispatcher.fault import FieldError
from eventing.errors import InvalidResource, NotFound
from eventing.resources.admission import admit, inherit
from eventing.resources.broker_default import DEFAULTS_KEY, SHIPPED, BrokerDefaults
from eventing.resources.catalogue import Catalogue
from eventing.resources.document import SIZE_MAX_BYTES, MalformedDocument, read_json, read_yaml
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import Context, Kind
from eventing.store.contract import Store

SUFFIXES: Final = (".json", ".yaml", ".yml")
"""What a folder is searched for, not below it."""
DEFAULT_NAMESPACE: Final = "default"


class ManifestError(Exception):
    """The writer of the files must act. `lines` tells every fault, each with its file, document, object and field."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class Document:
    """One object in a file, and its place there: number of the document and line of its beginning, both from 1."""

    path: Path
    number: int
    line: int
    kind: Kind
    item: Object

    @property
    def key(self) -> Key:
        """What the object is stored under."""
        return key_of(self.item)

    def tell(self, reason: str) -> str:
        """The line in which a fault of this object is told."""
        return f"{self.path}: document {self.number} ({self.key}): {reason}"


@dataclass(frozen=True, slots=True)
class Applied:
    """What a load changed. `keys` are all objects of the files: what the next load of them takes as `previous`."""

    created: tuple[Key, ...]
    updated: tuple[Key, ...]
    deleted: tuple[Key, ...]
    keys: frozenset[Key]


def read(paths: Sequence[Path], *, catalogue: Catalogue) -> list[Document]:
    """The objects in files, and in the files right in folders, by name. Lists are taken apart, empty documents skipped.

    Each object is of a known kind, has a name, stands there once, and would be admitted in a creation with the defaults the
    same files set; an object without a namespace goes to `default`. Raises ManifestError.
    """
    documents: list[Document] = []
    faults: list[str] = []
    for path in _files(paths, faults):
        documents += _read_file(path, catalogue, faults)
    faults += _duplicates(documents)
    try:
        context = Context(broker_defaults=_broker_defaults(documents, None))
        faults += [line for document in documents for line in _faults(document, context)]
    except ManifestError as error:
        faults += error.lines
    if faults:
        raise ManifestError(faults)
    return documents


async def apply(
    store: Store, documents: Sequence[Document], *, catalogue: Catalogue, previous: Collection[Key] = (), user: str = "admin"
) -> Applied:
    """Make the store hold these objects, and no longer those of `previous` that are not among them.

    Every object is admitted first, against what is stored; where one is refused, ManifestError tells all and nothing is
    changed. Objects are created in an order in which each finds what it refers to, and deleted the other way round.
    """
    context = Context(user, await _stored_broker_defaults(store, documents))
    ordered = sorted(documents, key=lambda document: catalogue.rank(document.key.group_kind))
    stored = {document.key: await _get(store, document.key) for document in ordered}
    admitted = _admit_all(ordered, stored, context)
    created, updated = [], []
    for key, item in admitted.items():
        if (old := stored[key]) is None:
            await store.create(item)
            created.append(key)
        elif (await store.update(item))["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
            updated.append(key)
    gone = sorted(set(previous) - set(admitted), key=lambda key: (-catalogue.rank(key.group_kind), key))
    deleted = [key for key in gone if await _delete(store, key)]
    return Applied(tuple(created), tuple(updated), tuple(deleted), frozenset(admitted))


def _files(paths: Sequence[Path], faults: list[str]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        try:
            yield from sorted(child for child in path.iterdir() if child.suffix in SUFFIXES and child.is_file())
        except OSError as error:
            faults.append(f"{path}: cannot be read: {error.strerror}")


def _read_file(path: Path, catalogue: Catalogue, faults: list[str]) -> Iterator[Document]:
    try:
        text = _text(path)
        parsed = read_json(text) if path.suffix == ".json" else read_yaml(text)
    except MalformedDocument as error:
        faults.append(f"{path}: {error}")
        return
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{path}: cannot be read: {error}")
        return
    for document in parsed:
        for value in _objects(document.value):
            try:
                kind, item = _identified(value, catalogue)
            except InvalidResource as error:
                faults += [f"{path}: document {document.number} ({_named(value)}): {fault}" for fault in error.errors]
            else:
                yield Document(path, document.number, document.line, kind, item)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(SIZE_MAX_BYTES + 1)
    if len(content) > SIZE_MAX_BYTES:
        raise MalformedDocument(1, f"the file is larger than {SIZE_MAX_BYTES} bytes")
    return content.decode("utf-8-sig")
