"""The JSONPath of printer columns and of the `scale` subresource: names, indices, filters on equality.

Source: Kubernetes' `client-go/util/jsonpath`, of which custom resources may use this part. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_STEP: Final = re.compile(
    r"""\.(?P<name>(?:\\.|[^.\[\]\\])+)
      | \[(?P<index>-?[0-9]+)\]
      | \[(?P<all>\*)\]
      | \[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]
      | \[\?\(\s*@\.(?P<field>[\w.-]+)\s*==\s*(?P<mark>['"])(?P<value>.*?)(?P=mark)\s*\)\]
    """,
    re.VERBOSE,
)


class BadPath(ValueError):  # noqa: N818 - named for what it is
    """The path cannot be understood; `place` is where in it, from 0."""

    def __init__(self, text: str, place: int) -> None:
        super().__init__(f"{text!r} is no JSONPath that is known here, from character {place} on")
        self.place = place


@dataclass(frozen=True, slots=True)
class _Step:
    """One step: into a member, an item, the items whose field has a value, or all of them."""

    name: str | None = None
    index: int | None = None
    condition: tuple[tuple[str, ...], str] | None = None

    def take(self, values: list[Any]) -> list[Any]:
        """What is one step further: Tables take it for each cell of thousands of rows."""
        if (name := self.name) is not None:
            return [value[name] for value in values if isinstance(value, dict) and name in value]
        if self.condition is not None:
            (name, *inner), wanted = self.condition
            maps = [item for value in values for item in _items(value) if isinstance(item, dict)]
            return [item for item in maps if _field(item.get(name), inner) == wanted]
        if (index := self.index) is not None:
            lists = [_items(value) for value in values]
            return [items[index] for items in lists if -len(items) <= index < len(items)]
        return [inner for value in values for inner in (value.values() if isinstance(value, dict) else _items(value))]


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path that was understood. Finding is total: what is not there is not found."""

    steps: tuple[_Step, ...]

    @classmethod
    def parse(cls, text: str) -> "JsonPath":
        """Understand a path such as `.status.conditions[?(@.type=="Ready")].status`; braces around it may be. Raises
        BadPath.
        """
        inner = text[1:-1] if text.startswith("{") and text.endswith("}") else text
        inner = inner.removeprefix("$")
        steps, place = [], 0
        while place < len(inner):
            found = _STEP.match(inner, place)
            if found is None:
                raise BadPath(text, place)
            steps.append(_step(found))
            place = found.end()
        return cls(tuple(steps))

    def find(self, value: Any) -> list[Any]:
        """What lies there, in order."""
        for number, step in enumerate(self.steps):
            if (name := step.name) is None:
                return self._take([value], number)
            if not isinstance(value, dict) or name not in value:
                return []
            value = value[name]
        return [value]

    def _take(self, found: list[Any], number: int) -> list[Any]:
        """What lies there, from the step of that number on, which may lead to many things."""
        for step in self.steps[number:]:
            found = step.take(found)
        return found

    def first(self, value: Any) -> Any:
        """The first thing that lies there, None where nothing does."""
        return next(iter(self.find(value)), None)

    def put(self, document: dict[str, Any], value: Any) -> None:
        """Set what lies there, in place, and the objects on the way to it. Only names may be steps."""
        *way, last = [step.name or "" for step in self.steps]
        for name in way:
            inner = document.get(name)
            if not isinstance(inner, dict):
                inner = document[name] = {}
            document = inner
        document[last] = value


def _step(found: re.Match[str]) -> _Step:
    if found["all"] or found["name"] == "*":
        return _Step()
    if found["index"] is not None:
        return _Step(index=int(found["index"]))
    if found["field"] is not None:
        return _Step(condition=(tuple(found["field"].split(".")), found["value"]))
    if found["key"] is not None:
        return _Step(name=found["key"])
    return _Step(name=re.sub(r"\\(.)", r"\1", found["name"]))


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _field(item: Any, path: Sequence[str]) -> Any:
    for name in path:
        item = item.get(name) if isinstance(item, dict) else None
    return item
