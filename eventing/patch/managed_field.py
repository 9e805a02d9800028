"""`metadata.managedFields`: who has written which fields of an object. Pure.

Source: kube-apiserver (k8s.io/apimachinery/pkg/util/managedfields). Every version of a kind has the same fields here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from eventing.patch.comparison import Comparison, compare
from eventing.patch.field_set import NOTHING, FieldSet, MalformedFieldSet, Path, from_fields_v1, to_fields_v1
from eventing.resources.identity import Object
from eventing.resources.schema import Node

Operation = Literal["Apply", "Update"]
UPDATES_MAX: Final = 10
"""Entries of updates in one object, beyond which the oldest become one (kube-apiserver's number)."""
ANCIENT: Final = "ancient-changes"
"""Kubernetes' name for whoever wrote before those that are remembered."""
FIELDS_TYPE: Final = "FieldsV1"
_BOOKKEPT: Final = ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "resourceVersion")
_NOBODYS: Final = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",), *(("f:metadata", f"f:{name}") for name in _BOOKKEPT)}
)


class Identity(NamedTuple):
    """What tells entries apart, in the order in which conflicts name them. An applier is one in all versions, for which
    `api_version` is empty.
    """

    manager: str
    operation: Operation
    api_version: str
    subresource: str

    def __str__(self) -> str:
        """As kube-apiserver's messages name it."""
        text = f'"{self.manager}"' + (f' with subresource "{self.subresource}"' if self.subresource else "")
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


@dataclass(frozen=True, slots=True)
class Entry:
    """The fields of one writer, and when it wrote them last: RFC 3339, empty where it changed nothing by it."""

    fields: FieldSet
    api_version: str
    time: str


Entries = Mapping[Identity, Entry]


@dataclass(frozen=True, slots=True)
class Manager:
    """Who writes, in which version, when (RFC 3339), and through which subresource; empty for the object itself."""

    name: str
    api_version: str
    time: str
    subresource: str = ""

    def identity(self, operation: Operation) -> Identity:
        """What the entry of such a write is told by."""
        version = self.api_version if operation == "Update" else ""
        return Identity(self.name or "unknown", operation, version, self.subresource)

    @property
    def is_of_core(self) -> bool:
        """True where a kind of Kubernetes' core group is written."""
        return "/" not in self.api_version

    def may_own(self, path: Path) -> bool:
        """A status belongs to those who write it through its subresource, and they own nothing else."""
        return (path[0] == "f:status") is (self.subresource == "status")


def after_update(old: Object | None, item: Object, manager: Manager, node: Node) -> list[Object]:
    """The managedFields of an object after any write but an apply made `item` of `old` (None in a creation).

    What the manager wrote is its own, and nobody owns what is gone. managedFields in `item` stand for those of `old`,
    if they are well formed; a list of one empty entry (and for core kinds an empty list, too) forgets all owners, and
    none is remembered until somebody applies.
    """
    entries = _entries_before(old, item, manager)
    if not entries and old is not None:
        return []
    change = compare(unmanaged(old or {}), unmanaged(item), node).within(manager.may_own)
    return written(_shortened(updated(entries, change, manager)))


def updated(entries: Entries, change: Comparison, manager: Manager) -> Entries:
    """The entries after the manager has made a change."""
    kept = bereft(entries, change)
    wrote = owned(change.written)
    if not wrote:
        return kept
    identity = manager.identity("Update")
    before = kept[identity].fields if identity in kept else NOTHING
    return {**kept, identity: Entry(before | wrote, manager.api_version, manager.time)}


def bereft(entries: Entries, change: Comparison) -> Entries:
    """The entries without what somebody else wrote or removed; one that has nothing left is none."""
    lost = change.written | change.removed
    kept = {identity: replace(entry, fields=entry.fields - lost) for identity, entry in entries.items()}
    return {identity: entry for identity, entry in kept.items() if entry.fields}


def owned(fields: FieldSet) -> FieldSet:
    """The fields without those that the server keeps, which belong to nobody."""
    return fields - _NOBODYS


def unmanaged(item: Object) -> Object:
    """The object without its managedFields."""
    metadata = item.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return item
    return {**item, "metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}


def _entries_before(old: Object | None, item: Object, manager: Manager) -> Entries:
    given = _listed(item)
    if manager.subresource:
        given = None
    if given == [{}] or (given == [] and manager.is_of_core):
        return {}
    return entries_of(given) or entries_of(None if old is None else _listed(old))


def _listed(item: Object) -> Any:
    return item["metadata"].get("managedFields")


def entries_of(listed: Any) -> Entries:
    """The entries in managedFields; none at all where one is malformed."""
    try:
        return dict(map(_read, listed)) if isinstance(listed, list) else {}
    except MalformedFieldSet:
        return {}


def _read(entry: Any) -> tuple[Identity, Entry]:
    if not isinstance(entry, dict) or entry.get("fieldsType") != FIELDS_TYPE or not entry.get("apiVersion"):
        raise MalformedFieldSet
    manager, version, time, subresource = (
        entry.get(name, "") for name in ("manager", "apiVersion", "time", "subresource")
    )
    operation = entry.get("operation")
    if operation not in ("Apply", "Update") or not all(
        isinstance(text, str) for text in (manager, version, time, subresource)
    ):
        raise MalformedFieldSet
    identity = Identity(manager, operation, version if operation == "Update" else "", subresource)
    return identity, Entry(from_fields_v1(entry.get("fieldsV1", {})), version, time)


def _shortened(entries: Entries) -> Entries:
    """The entries, where updates are too many with the oldest of each version as one."""
    updates = [identity for identity in _by_time(entries) if identity.operation == "Update"]
    kept, oldest = dict(entries), dict[str, Identity]()
    for identity in updates:
        if sum(one.operation == "Update" for one in kept) <= UPDATES_MAX:
            break
        version = identity.api_version
        if version in oldest:
            bucket = Identity(ANCIENT, "Update", version, "")
            joined = kept.pop(oldest[version]).fields | kept.pop(identity).fields
            kept[bucket] = replace(entries[identity], fields=joined)
            oldest[version] = bucket
        else:
            oldest[version] = identity
    return kept


def _by_time(entries: Entries) -> list[Identity]:
    return sorted(entries, key=lambda identity: (identity.operation, entries[identity].time, identity))


def written(entries: Entries) -> list[Object]:
    """The entries as an object holds them: those of appliers first, then by time."""
    return [_written(identity, entries[identity]) for identity in _by_time(entries)]


def _written(identity: Identity, entry: Entry) -> Object:
    texts = {
        "manager": identity.manager,
        "operation": identity.operation,
        "apiVersion": entry.api_version,
        "time": entry.time,
        "fieldsType": FIELDS_TYPE,
    }
    value: Object = {name: text for name, text in texts.items() if text} | {"fieldsV1": to_fields_v1(entry.fields)}
    return value | ({"subresource": identity.subresource} if identity.subresource else {})
