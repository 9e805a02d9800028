"""Makes the store hold what files say, through the same door as everybody else: server-side applies by a manager of
their own.

Nothing is applied where anything is wrong, and everything that is wrong is told at once. What files say of a field
counts for more than what others said; fields that they no longer say go. Objects that they no longer hold stay, unless
they are to be pruned.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Final, TypeVar

import orjson

from eventing.apiserver.patching import APPLY_PATCH, Patch
from eventing.apiserver.query import DeleteOptions, ListOptions, WriteOptions
from eventing.apiserver.refusal import Refused
from eventing.apiserver.registry import Registry, Written
from eventing.apiserver.target import Target
from eventing.errors import AlreadyExists, Conflict, Forbidden, InvalidResource, NotFound
from eventing.manifest import Document, ManifestError
from eventing.resources.core import NAMESPACE
from eventing.resources.identity import Key, Object, key_of

MANAGER: Final = "eventing-serve"
"""Who manages the fields that files say something of."""
ORIGIN_ANNOTATION: Final = "eventing.dev/applied-by"
"""Says of an object that a file brought it, and what the file said of it, as a digest."""
_DIGEST_CHARACTERS: Final = 16
CONCURRENT: Final = 64
"""Objects under way at once."""
_WRITE: Final = WriteOptions(manager=MANAGER, field_validation="Strict", is_forced=True)
_CHECK: Final = replace(_WRITE, is_dry_run=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Applied:
    """What a load changed."""

    created: tuple[Key, ...]
    updated: tuple[Key, ...]
    deleted: tuple[Key, ...]


async def apply(registry: Registry, documents: Sequence[Document], *, prune: bool = False) -> Applied:
    """Make the store hold these objects, in an order in which each finds what it refers to.

    Namespaces that are not there are made.

    With `prune` what files brought earlier and these do not hold is deleted, the other way round. Changes are tried
    first; where one is refused, ManifestError tells all and nothing is changed. New objects were tried when they were
    read.
    """
    catalogue = registry.catalogue
    ordered = sorted(documents, key=lambda document: catalogue.rank(document.key.group_kind))
    fresh: set[Key] = set()
    changed: set[Key] = set()
    faults: list[str] = []
    stored = await _stored(registry, ordered)
    for document in ordered:
        if document.key not in stored:
            fresh.add(document.key)
        elif not _is_as_applied(document, stored[document.key]):
            changed.add(document.key)
    scoped = registry.within(await registry.context(), ())
    tries = [document for document in ordered if document.key in changed]
    for lines in await _each(tries, partial(_refusals, scoped)):
        faults += lines
    if faults:
        raise ManifestError(faults)
    created = await _make_namespaces(registry, ordered)
    versions = await _write([document for document in ordered if document.key in fresh | changed], registry)
    deleted = await _prune(registry, {document.key for document in ordered}) if prune else []
    created += [document.key for document in ordered if document.key in fresh and document.key not in created]
    updated = [key for key in versions if key in changed and versions[key] != _version(stored[key])]
    return Applied(tuple(created), tuple(updated), tuple(deleted))


async def _write(documents: Sequence[Document], registry: Registry) -> dict[Key, str]:
    """Apply them, kind by kind: what one kind configures holds for the next. Returns their versions."""
    versions: dict[Key, str] = {}
    for _, group in groupby(documents, key=lambda document: registry.catalogue.rank(document.key.group_kind)):
        due = [*group]
        namespaces = {document.key.namespace for document in due if document.key.namespace}
        scoped = registry.within(await registry.context(), namespaces)
        written = await _each(due, partial(_apply, scoped, options=_WRITE))
        versions |= {document.key: _version(one.item) for document, one in zip(due, written, strict=True)}
    return versions


def _version(item: Object) -> str:
    return str(item["metadata"]["resourceVersion"])


async def _each(documents: Sequence[Document], do: Callable[[Document], Awaitable[T]]) -> list[T]:
    """Do it for all, some at a time: what waits for the store waits together."""
    found: list[T] = []
    for start in range(0, len(documents), CONCURRENT):
        found += await asyncio.gather(*map(do, documents[start : start + CONCURRENT]))
    return found


async def _stored(registry: Registry, documents: Sequence[Document]) -> dict[Key, Object]:
    """The objects of the documents' kinds as they are, each in the version of its document."""
    wanted = {document.key: document.served.api_version for document in documents}
    found: dict[Key, Object] = {}
    for served in {(one.served.kind.name, one.served.api_version): one.served for one in documents}.values():
        async for page in registry.pages(Target(served), ListOptions()):
            found |= {key: item for item in page.items if wanted.get(key := key_of(item)) == served.api_version}
    return found


async def _refusals(registry: Registry, document: Document) -> list[str]:
    """Why the object may not be changed so; nothing where it may."""
    try:
        await _apply(registry, document, options=_CHECK)
    except (InvalidResource, Refused, Conflict, Forbidden) as error:
        return [f"{document}: {fault}" for fault in (error.errors if isinstance(error, InvalidResource) else [error])]
    return []


async def _apply(registry: Registry, document: Document, *, options: WriteOptions) -> Written:
    return await registry.patch(_target(document), Patch(APPLY_PATCH, _wanted(document)), options)


def _wanted(document: Document) -> Object:
    """What is applied: the object, and the annotation that says from what."""
    metadata = document.item["metadata"]
    text = orjson.dumps(document.item, option=orjson.OPT_SORT_KEYS)
    annotations = {
        **(metadata.get("annotations") or {}),
        ORIGIN_ANNOTATION: hashlib.sha256(text).hexdigest()[:_DIGEST_CHARACTERS],
    }
    return {**document.item, "metadata": {**metadata, "annotations": annotations}}


def _is_as_applied(document: Document, item: Object) -> bool:
    """True where the same text was applied and nobody changed what it says: nothing need be asked of the registry."""
    return _is_part(_wanted(document), item)


def _is_part(wanted: object, found: object) -> bool:
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(value is None or (name in found and _is_part(value, found[name])) for name, value in wanted.items())
    return wanted == found


async def _make_namespaces(registry: Registry, documents: Sequence[Document]) -> list[Key]:
    """Those that documents lie in and nobody made: a server that has files is all there is, and nobody else would."""
    held = {document.key for document in documents}
    wanted = {NAMESPACE.key("", document.key.namespace) for document in documents if document.key.namespace}
    made = []
    for key in sorted(wanted - held):
        item = {"apiVersion": NAMESPACE.api_version, "kind": NAMESPACE.name, "metadata": {"name": key.name}}
        try:
            await registry.create(Target(NAMESPACE.served), item, _WRITE)
        except AlreadyExists:
            continue
        made.append(key)
    return made


async def _prune(registry: Registry, kept: Collection[Key]) -> list[Key]:
    """Delete what is managed by files and not among these."""
    deleted = []
    for kind in reversed([*registry.catalogue]):
        target = Target(kind.served)
        found = [item async for page in registry.pages(target, ListOptions()) for item in page.items]
        for item in found:
            key = key_of(item)
            if key in kept or not _is_ours(item):
                continue
            try:
                await registry.delete(replace(target, namespace=key.namespace or None, name=key.name), DeleteOptions())
            except NotFound:
                continue
            deleted.append(key)
    return deleted


def _is_ours(item: Object) -> bool:
    return ORIGIN_ANNOTATION in item["metadata"].get("annotations", {})


def _target(document: Document) -> Target:
    key = document.key
    return Target(document.served, key.namespace or None, key.name)
