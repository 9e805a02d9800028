"""What names an object: its group, kind, namespace and name. Versions are views of it, no part of its name. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

Object = dict[str, Any]
"""A resource as the API shows and the store keeps it: plain JSON values."""


class GroupKind(NamedTuple):
    """All objects of a kind, whatever version they are read in. The core group is the empty text."""

    group: str
    kind: str


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One object. `namespace` is empty for kinds that have none."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        """The kind the object is one of."""
        return GroupKind(self.group, self.kind)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


Lookup = Callable[[Key], Object | None]
"""How pure functions see other objects: the object of a key, None where there is none."""


def group_of(api_version: str) -> str:
    """The group in `group/version`; empty for the core group's plain `v1`."""
    return api_version.rpartition("/")[0]


def key_of(item: Object) -> Key:
    """The key of an object that has apiVersion, kind and a name."""
    metadata = item["metadata"]
    return Key(group_of(item["apiVersion"]), item["kind"], metadata.get("namespace", ""), metadata["name"])
