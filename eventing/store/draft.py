"""What a transaction has changed so far, above what the store held when it began: the verbs read and write drafts.

A draft is itself a shelf, so one can lie on another: what is drafted above is taken over, or forgotten.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from eventing.resources.identity import Key, Object, key_of
from eventing.store.bookkeeping import owner_uids
from eventing.store.contract import ChangeType


class Shelf(Protocol):
    """Objects that stand still while a draft lies on them. What is returned is never changed."""

    def read(self, keys: Collection[Key]) -> dict[Key, Object]:
        """Those of these objects that are there."""

    def having(self, uids: Collection[str]) -> list[Object]:
        """The objects of these uids."""

    def owned_by(self, uids: Collection[str]) -> list[Object]:
        """The objects that name one of these uids as an owner."""

    def within(self, namespace: str) -> list[Object]:
        """All objects of a namespace."""

    def count(self, namespace: str) -> int:
        """How many they are."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a draft, with the version that it makes; `old` is what was there."""

    type: ChangeType
    key: Key
    item: Object
    old: Object | None


class Draft:
    """Changes above a shelf, each with the next version."""

    def __init__(self, shelf: Shelf, version: int) -> None:
        self.version = version
        self.steps: list[Step] = []
        self._shelf = shelf
        self._read: dict[Key, Object | None] = {}
        self._written: dict[Key, Object | None] = {}

    @property
    def next_version(self) -> str:
        """What the next change must bear as its resourceVersion."""
        return str(self.version + 1)

    def read(self, keys: Collection[Key]) -> dict[Key, Object]:
        """See Shelf. What was read once is not read again."""
        if unknown := [key for key in keys if key not in self._written and key not in self._read]:
            self._read |= dict.fromkeys(unknown) | self._shelf.read(unknown)
        return {key: item for key in keys if (item := self._present(key)) is not None}

    def find(self, key: Key) -> Object | None:
        """The object, None where there is none."""
        return (self.read((key,))).get(key)

    def having(self, uids: Collection[str]) -> list[Object]:
        """See Shelf."""
        return self._merged(self._shelf.having(uids), lambda item: item["metadata"]["uid"] in uids)

    def owned_by(self, uids: Collection[str]) -> list[Object]:
        """See Shelf."""
        wanted = frozenset(uids)
        return self._merged(self._shelf.owned_by(uids), lambda item: not wanted.isdisjoint(owner_uids(item)))

    def within(self, namespace: str) -> list[Object]:
        """See Shelf."""
        below = self._shelf.within(namespace)
        return self._merged(below, lambda item: item["metadata"].get("namespace", "") == namespace)

    def count(self, namespace: str) -> int:
        """See Shelf."""
        count = self._shelf.count(namespace)
        for key, item in self._written.items():
            if key.namespace == namespace:
                count += (item is not None) - (self._read[key] is not None)
        return count

    def put(self, change: ChangeType, item: Object) -> Object:
        """Draft a change of an object that was read here; `item` bears `next_version`. Returns it."""
        key = key_of(item)
        self._write(Step(change, key, item, self._present(key)))
        self.version += 1
        return item

    def take_over(self, above: "Draft") -> None:
        """Make the changes of a draft that lies on this one its own."""
        for step in above.steps:
            self._write(step)
        self.version = above.version

    def _write(self, step: Step) -> None:
        self.steps.append(step)
        self._written[step.key] = None if step.type == "DELETED" else step.item

    def _present(self, key: Key) -> Object | None:
        return self._written[key] if key in self._written else self._read[key]

    def _merged(self, below: Iterable[Object], is_wanted: Callable[[Object], bool]) -> list[Object]:
        """What the shelf found, with what was written since in its place."""
        found = {key_of(item): item for item in below}
        self._read |= {key: item for key, item in found.items() if key not in self._read}
        found = {key: item for key, item in found.items() if key not in self._written}
        found |= {key: item for key, item in self._written.items() if item is not None and is_wanted(item)}
        return [found[key] for key in sorted(found)]
