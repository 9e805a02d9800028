"""Resources from files: read, and all of them checked. Everything that is wrong is told at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dispatcher.fault import FieldError, shown
from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.catalogue import Catalogue
from eventing.resources.context import configure
from eventing.resources.document import SIZE_MAX_BYTES, MalformedDocument, read_json, read_yaml
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import Context, Served
from eventing.resources.schema import STRING, fit, record

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
    served: Served
    item: Object

    @property
    def key(self) -> Key:
        """What the object is stored under."""
        return key_of(self.item)

    def __str__(self) -> str:
        return f"{self.path}: document {self.number} ({self.key})"


def read(paths: Sequence[Path], *, catalogue: Catalogue) -> list[Document]:
    """The objects in files, and in the files right in folders, by name. Lists are taken apart, empty documents skipped.

    Each object is of a known kind, has a name, stands there once, and would be admitted in a creation under the
    defaults that the files set; one without a namespace goes to `default`. Raises ManifestError.
    """
    faults: list[str] = []
    documents = [document for path in _files(paths, faults) for document in _read_file(path, catalogue, faults)]
    faults += _duplicates(documents)
    configured = configure(Context(), {document.key: document.item for document in documents}.get)
    faults += [line for document in documents for line in _refusals(document, configured.context)]
    if faults:
        raise ManifestError(faults)
    return documents


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
                served, item = _identified(value, catalogue)
            except InvalidResource as error:
                faults += [f"{path}: document {document.number} ({_shown(value)}): {fault}" for fault in error.errors]
            else:
                yield Document(path, document.number, document.line, served, item)


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


def _identified(value: Any, catalogue: Catalogue) -> tuple[Served, Object]:
    """The kind of an object, and the object with its namespace. Raises InvalidResource where it cannot be named."""
    fitted = fit(value, _IDENTITY)
    if fitted.errors:
        raise InvalidResource(fitted.errors)
    api_version, name = value["apiVersion"], value["kind"]
    served = catalogue.find(api_version, name)
    if served is None:
        known = ", ".join(f"{other.name} ({other.api_version})" for other in catalogue)
        raise InvalidResource([FieldError("kind", f"no {shown(name)} in {shown(api_version)} here; known are {known}")])
    metadata = value["metadata"]
    if served.kind.is_namespaced and not metadata.get("namespace"):
        value = {**value, "metadata": {**metadata, "namespace": DEFAULT_NAMESPACE}}
    return served, value


def _shown(value: Any) -> str:
    """As much of an object's name as it has."""
    if not isinstance(value, dict):
        return "no object"
    metadata = value.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    return shown(f"{value.get('kind', '?')} {names.get('namespace', DEFAULT_NAMESPACE)}/{names.get('name', '?')}")


def _refusals(document: Document, context: Context) -> Iterator[str]:
    try:
        admit(document.served, document.item, context=context)
    except InvalidResource as error:
        yield from (f"{document}: {fault}" for fault in error.errors)


def _duplicates(documents: Sequence[Document]) -> Iterator[str]:
    first: dict[Key, Document] = {}
    for document in documents:
        earlier = first.setdefault(document.key, document)
        if earlier is not document:
            yield f"{document}: stands in {earlier.path}, document {earlier.number}, too"
