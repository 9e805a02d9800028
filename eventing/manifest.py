"""Resources from files: read them, check them all, then make the store hold what they say.

Nothing is applied where anything is wrong, and everything that is wrong is told at once.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dispatcher.fault import FieldError, shown
from eventing.errors import InvalidResource, NotFound
from eventing.resources.admission import admit
from eventing.resources.broker_default import DEFAULTS_KEY, SHIPPED, BrokerDefaults
from eventing.resources.catalogue import Catalogue
from eventing.resources.document import SIZE_MAX_BYTES, MalformedDocument, read_json, read_yaml
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import Context, Kind
from eventing.resources.schema import STRING, fit, record
from eventing.store.contract import Store

SUFFIXES: Final = (".json", ".yaml", ".yml")
"""What a folder is searched for, not below it."""
DEFAULT_NAMESPACE: Final = "default"
_IDENTITY: Final = record(
    {
        "apiVersion": STRING,
        "kind": STRING,
        "metadata": record({"name": STRING, "namespace": STRING}, required=("name",)),
    },
    required=("apiVersion", "kind", "metadata"),
)
"""What an object must have to be named at all."""


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

    def __str__(self) -> str:
        return f"{self.path}: document {self.number} ({self.key})"


@dataclass(frozen=True, slots=True)
class Applied:
    """What a load changed. `keys` are all objects of the files: what the next load of them takes as `previous`."""

    created: tuple[Key, ...]
    updated: tuple[Key, ...]
    deleted: tuple[Key, ...]
    keys: frozenset[Key]


def read(paths: Sequence[Path], *, catalogue: Catalogue) -> list[Document]:
    """The objects in files, and in the files right in folders, by name. Lists are taken apart, empty documents skipped.

    Each object is of a known kind, has a name, stands there once, and would be admitted in a creation under the
    defaults that the files set; one without a namespace goes to `default`. Raises ManifestError.
    """
    faults: list[str] = []
    documents = [document for path in _files(paths, faults) for document in _read_file(path, catalogue, faults)]
    faults += _duplicates(documents)
    context = Context()
    for document in documents:
        if document.key == DEFAULTS_KEY:
            try:
                context = Context(broker_defaults=_broker_defaults(document.item))
            except MalformedDocument as error:
                faults.append(f"{document}: data: {error}")
    faults += [line for document in documents for line in _refusals(document, context)]
    if faults:
        raise ManifestError(faults)
    return documents


async def apply(
    store: Store,
    documents: Sequence[Document],
    *,
    catalogue: Catalogue,
    previous: Collection[Key] = (),
    user: str = "admin",
) -> Applied:
    """Make the store hold these objects, and no longer those of `previous` that are not among them.

    Every object is admitted first, against what is stored; where one is refused, ManifestError tells all and nothing is
    changed. Objects are created in an order in which each finds what it refers to, and deleted the other way round.
    """
    ordered = sorted(documents, key=lambda document: catalogue.rank(document.key.group_kind))
    stored = {key: await _get(store, key) for key in (*(document.key for document in ordered), DEFAULTS_KEY)}
    admitted = await _admit_all(ordered, stored, user)
    created, updated = [], []
    for key, item in admitted.items():
        old = stored[key]
        await asyncio.sleep(0)  # as in `_get`
        if old is None:
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
                faults += [f"{path}: document {document.number} ({_shown(value)}): {fault}" for fault in error.errors]
            else:
                yield Document(path, document.number, document.line, kind, item)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(SIZE_MAX_BYTES + 1)
    if len(content) > SIZE_MAX_BYTES:
        raise MalformedDocument(1, f"the file is larger than {SIZE_MAX_BYTES} bytes")
    return content.decode("utf-8-sig")


def _objects(value: Any) -> Iterator[Any]:
    """The objects in a document: none in an empty one, those of a List, however deep Lists stand in Lists."""
    if value is None:
        return
    if isinstance(value, dict) and isinstance(value.get("items"), list) and str(value.get("kind")).endswith("List"):
        for item in value["items"]:
            yield from _objects(item)
    else:
        yield value


def _identified(value: Any, catalogue: Catalogue) -> tuple[Kind, Object]:
    """The kind of an object, and the object with its namespace. Raises InvalidResource where it cannot be named."""
    fitted = fit(value, _IDENTITY)
    if fitted.errors:
        raise InvalidResource(fitted.errors)
    api_version, name = value["apiVersion"], value["kind"]
    kind = catalogue.find(api_version, name)
    if kind is None:
        known = ", ".join(f"{other.name} ({other.api_version})" for other in catalogue)
        raise InvalidResource([FieldError("kind", f"no {shown(name)} in {shown(api_version)} here; known are {known}")])
    metadata = value["metadata"]
    if kind.is_namespaced and not metadata.get("namespace"):
        value = {**value, "metadata": {**metadata, "namespace": DEFAULT_NAMESPACE}}
    return kind, value


def _shown(value: Any) -> str:
    """As much of an object's name as it has."""
    if not isinstance(value, dict):
        return "no object"
    metadata = value.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    return shown(f"{value.get('kind', '?')} {names.get('namespace', DEFAULT_NAMESPACE)}/{names.get('name', '?')}")


def _refusals(document: Document, context: Context) -> Iterator[str]:
    try:
        admit(document.kind, document.item, context=context)
    except InvalidResource as error:
        yield from (f"{document}: {fault}" for fault in error.errors)


def _duplicates(documents: Sequence[Document]) -> Iterator[str]:
    first: dict[Key, Document] = {}
    for document in documents:
        earlier = first.setdefault(document.key, document)
        if earlier is not document:
            yield f"{document}: stands in {earlier.path}, document {earlier.number}, too"


def _broker_defaults(config_map: Object | None) -> BrokerDefaults:
    """The defaults in the ConfigMap, those Knative is installed with where there is none. Raises MalformedDocument."""
    data = (config_map or {}).get("data")
    text = data.get("default-br-config") if isinstance(data, dict) else None
    return BrokerDefaults.parse(text) if isinstance(text, str) else SHIPPED


async def _admit_all(
    documents: Sequence[Document], stored: Mapping[Key, Object | None], user: str
) -> dict[Key, Object]:
    given = {document.key: document.item for document in documents}
    faults, admitted = [], {}
    try:
        context = Context(user, _broker_defaults(given.get(DEFAULTS_KEY, stored[DEFAULTS_KEY])))
    except MalformedDocument as error:
        raise ManifestError([f"{DEFAULTS_KEY}: data: {error}"]) from error
    for document in documents:
        old = stored[document.key]
        item = document.item if old is None else _inherited(document.item, old, document.kind)
        try:
            admitted[document.key] = admit(document.kind, item, old=old, context=context).item
        except InvalidResource as error:
            faults += [f"{document}: {fault}" for fault in error.errors]
        await asyncio.sleep(0)  # a server that loads its files anew goes on serving between two objects
    if faults:
        raise ManifestError(faults)
    return admitted


def _inherited(item: Object, old: Object, kind: Kind) -> Object:
    """The object with what a file never says and the stored one has: who made it, its owners and finalizers."""
    metadata, source = dict(item["metadata"]), old["metadata"]
    signatures = (f"{kind.group}/creator", f"{kind.group}/lastModifier")
    kept = {name: text for name, text in source.get("annotations", {}).items() if name in signatures}
    if kept:
        metadata["annotations"] = kept | (metadata.get("annotations") or {})
    for name in ("finalizers", "ownerReferences"):
        if name in source:
            metadata.setdefault(name, source[name])
    return {**item, "metadata": metadata}


async def _get(store: Store, key: Key) -> Object | None:
    await asyncio.sleep(0)  # ten thousand of these must not keep events waiting
    try:
        return await store.get(key)
    except NotFound:
        return None


async def _delete(store: Store, key: Key) -> bool:
    try:
        await store.delete(key)
    except NotFound:
        return False
    return True
