"""One pass over what changed: what it sees, and what it finds to be written, so that all of it is written together.

What is found about one object is seen at once by those that are looked at after it: so a pass in the right order is
enough. Those that looked before are told, to be looked at again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Literal

from eventing.reconcilers.status import Draft
from eventing.resources.identity import Key, Object, key_of
from eventing.world import World

INTERNAL_ERROR: Final = "InternalError"
"""Knative's reason for most of what goes wrong in a reconciliation."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something to tell about an object, as a Kubernetes Event."""

    item: Object
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(slots=True)
class Turn:
    """What a pass collects. Status and spec of one object never meet in one turn: a spec that changes comes first."""

    now: str
    world: World
    writes: bool = True
    """Otherwise nothing is collected, and what others have written counts, not what was found here."""
    statuses: list[Object] = field(default_factory=list)
    updates: list[Object] = field(default_factory=list)
    creations: list[Object] = field(default_factory=list)
    occurrences: list[Occurrence] = field(default_factory=list)
    early: set[Key] = field(default_factory=set)
    """Those that looked at an object before its status changed."""
    _finished: set[Key] = field(default_factory=set)
    _drafts: list[tuple[Object, Object]] = field(default_factory=list)
    """Objects as they were, and with the statuses found for them."""

    def finish(self, draft: Draft, *, reason: str | None = INTERNAL_ERROR) -> None:
        """That is the status. Where Ready turned into a failure, or into another one, it is told under that reason;
        without one it is told by the status alone.
        """
        key, result = key_of(draft.item), draft.result
        self._finished.add(key)
        if result is None or not self.writes:
            return
        self.statuses.append(result)
        self._drafts.append((draft.item, result))
        self.world.put(key, result)
        self.early |= self.world.readers(key) & self._finished - {key}
        status, _, message = draft.ready()
        if reason and status != "True" and message and message != _ready_message(draft.item):
            self.tell(draft.item, "Warning", reason, message)

    def undo(self) -> None:
        """What was found is not so, for it was not written: see everything as it was, but what is newer."""
        for old, drafted in reversed(self._drafts):
            if self.world.get(key_of(old)) is drafted:
                self.world.put(key_of(old), old)

    def create(self, owner: Object, child: Object) -> None:
        """Have a child made; of an owner that is being deleted none, which might keep it from going."""
        if self.writes and "deletionTimestamp" not in owner["metadata"]:
            self.creations.append(child)

    def update(self, old: Object, item: Object) -> None:
        """Have it written, unless somebody else changed the old one."""
        if not self.writes:
            return
        metadata = {**item["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}
        self.updates.append({**item, "metadata": metadata})

    def tell(self, item: Object, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Record that."""
        if self.writes:
            self.occurrences.append(Occurrence(item, kind, reason, message))


class Tale:
    """What happened in the turns of one reconciliation, as far as it is true at the end of it: what an object said
    before it said something else was on the way.
    """

    def __init__(self) -> None:
        self._told: dict[Key, list[Occurrence]] = {}

    def add(self, turn: Turn) -> None:
        """That turn came next, and was written."""
        for item in turn.statuses:
            self._told.pop(key_of(item), None)
        for occurrence in turn.occurrences:
            self._told.setdefault(key_of(occurrence.item), []).append(occurrence)

    def __iter__(self) -> Iterator[Occurrence]:
        return chain.from_iterable(self._told.values())


Clock = Callable[[], str]
"""The present second as Kubernetes writes it."""


def _ready_message(item: Object) -> str | None:
    for condition in item.get("status", {}).get("conditions", ()):
        if condition["type"] == "Ready":
            found: str | None = condition.get("message")
            return found
    return None
