"""Conditions of a resource, and how Ready follows from them.

Source: Knative's living condition set (knative.dev/pkg apis/condition_set.go): a dependent that turns False makes
Ready False for the same reason; one that turns Unknown makes Ready Unknown unless another is False; one that turns
True makes Ready what the worst of the others says, the latest of them where several are False. Other conditions
inform only. Pure: time comes in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, Self

Status = Literal["True", "False", "Unknown"]
READY: Final = "Ready"
_INFORMATIVE: Final = "Info"


@dataclass(frozen=True, slots=True)
class Condition:
    """One observation. `changed_at` is RFC 3339 text: when anything in it changed last."""

    type: str
    status: Status
    reason: str = ""
    message: str = ""
    severity: str = ""
    changed_at: str = ""

    @classmethod
    def of(cls, entry: Mapping[str, str]) -> Self:
        """The view of an entry of `status.conditions`."""
        status: Status = {"True": "True", "False": "False"}.get(entry["status"], "Unknown")  # type: ignore[assignment]
        get = entry.get
        return cls(
            entry["type"],
            status,
            get("reason", ""),
            get("message", ""),
            get("severity", ""),
            get("lastTransitionTime", ""),
        )

    def says(self, other: "Condition") -> bool:
        """True where the other says the same, whenever that began."""
        return (self.status, self.reason, self.message, self.severity) == (
            other.status,
            other.reason,
            other.message,
            other.severity,
        )

    def as_ready(self, status: Status | None = None) -> "Condition":
        """Ready, for the same reason."""
        return Condition(READY, status or self.status, self.reason, self.message, self.severity)

    def to_entry(self) -> dict[str, str]:
        """The entry of `status.conditions`, without what is empty."""
        entry = {
            "type": self.type,
            "status": self.status,
            "severity": self.severity,
            "reason": self.reason,
            "message": self.message,
            "lastTransitionTime": self.changed_at,
        }
        return {name: text for name, text in entry.items() if text}


class Conditions:
    """The conditions of one object, immutable: every change returns another. `dependents` are what Ready depends
    on.
    """

    __slots__ = ("_conditions", "_dependents")

    def __init__(self, dependents: Iterable[str], conditions: Iterable[Condition] = ()) -> None:
        self._dependents = tuple(dependents)
        self._conditions = {condition.type: condition for condition in conditions}

    @classmethod
    def of(cls, dependents: Iterable[str], entries: Iterable[Mapping[str, str]]) -> Self:
        """The view of a `status.conditions`."""
        return cls(dependents, map(Condition.of, entries))

    def to_entries(self) -> list[dict[str, str]]:
        """What to store as `status.conditions`: sorted by type."""
        return [self._conditions[name].to_entry() for name in sorted(self._conditions)]

    def get(self, name: str) -> Condition | None:
        """The condition of that type, None where there is none."""
        return self._conditions.get(name)

    @property
    def is_ready(self) -> bool:
        """True where Ready is True."""
        return _status(self._conditions, READY) == "True"

    def initialized(self, now: str) -> Self:
        """Ready and all dependents are there: absent ones Unknown, or True where Ready is (an upgrade)."""
        added: Status = "True" if self.is_ready else "Unknown"
        missing = [name for name in (READY, *self._dependents) if name not in self._conditions]
        return self._with(now, *(Condition(name, added) for name in missing))

    def observing(self, now: str) -> Self:
        """What holds at the start of the reconciliation of a new generation, and stays if nothing else is marked."""
        message = "unsuccessfully observed a new generation"
        return self._with(now, Condition(READY, "Unknown", "NewObservedGenFailure", message))

    def mark(self, name: str, status: Status, reason: str = "", message: str = "", *, now: str) -> Self:
        """The conditions after `name` was found so, Ready among them."""
        is_informative = name != READY and name not in self._dependents
        found = Condition(name, status, reason, message, _INFORMATIVE if is_informative else "")
        old = self._conditions.get(name)
        if old is not None and status == "True" and self.is_ready and old.says(found):
            return self  # most marks of most objects: thousands of them at a start
        ready = _ready_after(found, {**self._conditions, name: found}, self._dependents)
        return self._with(now, found, *ready)

    def _with(self, now: str, *changes: Condition) -> Self:
        conditions = dict(self._conditions)
        for change in changes:
            old = conditions.get(change.type)
            if old is None or not old.says(change):
                conditions[change.type] = replace(change, changed_at=now)
        return type(self)(self._dependents, conditions.values())


def _ready_after(
    found: Condition, conditions: Mapping[str, Condition], dependents: tuple[str, ...]
) -> tuple[Condition, ...]:
    """What Ready becomes once `found` is among the conditions; nothing where it stays."""
    if found.status == "True":
        return _recomputed(found, conditions, dependents)
    if found.type not in dependents:
        return ()
    if found.status == "Unknown" and any(_status(conditions, name) == "False" for name in dependents):
        return () if _status(conditions, READY) == "False" else (found.as_ready("False"),)
    return (found.as_ready(),)


def _recomputed(
    found: Condition, conditions: Mapping[str, Condition], dependents: tuple[str, ...]
) -> tuple[Condition, ...]:
    present = [conditions[name] for name in dependents if name in conditions]
    latest = sorted(present, key=lambda condition: condition.changed_at, reverse=True)
    for status in ("False", "Unknown"):
        for condition in latest:
            if condition.status == status:
                return (condition.as_ready(),)
    if len(present) < len(dependents):
        return (Condition(READY, "Unknown"),)
    return () if found.type == READY else (Condition(READY, "True"),)


def _status(conditions: Mapping[str, Condition], name: str) -> Status | None:
    return conditions[name].status if name in conditions else None
