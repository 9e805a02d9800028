"""YAML and JSON texts of strangers, read into plain JSON values within bounds.

What comes out is what Kubernetes' tools would send: timestamps stay text, keys become text, merge keys (`<<`) are
merged. Refused are duplicate keys, values that JSON has not, deep nesting, and aliases that make a small text stand
for a huge value. libyaml's events are read one by one, so neither nesting nor expansion costs anything before it is
counted. Pure.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

SIZE_MAX_BYTES: Final = 32 * 1024 * 1024
"""Of one text: some 50,000 Triggers."""
DEPTH_MAX: Final = 64
"""Maps and lists inside each other. The deepest field of a Knative kind lies below 20."""
VALUES_MAX: Final = 1_000_000
"""Values of one document with every alias written out: 20,000 Triggers in one List."""
_TOO_DEEP: Final = f"maps and lists nest deeper than {DEPTH_MAX}"
_TAG: Final = "tag:yaml.org,2002:"
_COLLECTION_TAGS: Final = (None, "!", f"{_TAG}map", f"{_TAG}seq")
_SCALAR_TAGS: Final = tuple(f"{_TAG}{name}" for name in ("null", "bool", "int", "float"))
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}


class MalformedDocument(ValueError):  # noqa: N818 - named for what it is
    """The writer must act. `line` counts from 1; `reason` is a sentence."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text: its place (line and number count from 1) and its value."""

    number: int
    line: int
    value: Any


@dataclass(slots=True)
class _Open:
    """A map or list that has not ended: `size` counts its values, aliases written out; `depth` is how deep they
    nest.
    """

    value: dict[str, Any] | list[Any]
    line: int
    anchor: str | None
    size: int = 1
    depth: int = 1
    key: str | None = None
    is_merging: bool = False
    merged: list[dict[str, Any]] = field(default_factory=list)


def read_json(text: str) -> list[Document]:
    """The one document of a JSON text. Raises MalformedDocument."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_to_float, parse_float=_to_float)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text, though json takes it
    except json.JSONDecodeError as error:
        raise MalformedDocument(error.lineno, error.msg) from error
    except RecursionError as error:
        raise MalformedDocument(1, _TOO_DEEP) from error
    except ValueError as error:
        raise MalformedDocument(1, str(error)) from error
    if _depth(value) > DEPTH_MAX:
        raise MalformedDocument(1, _TOO_DEEP)
    return [Document(1, 1, value)]


def read_yaml(text: str) -> list[Document]:
    """The documents of a YAML text, empty ones (null) among them. Raises MalformedDocument for the first fault."""
    loader = yaml.CSafeLoader(text)
    try:
        return list(_documents(loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise MalformedDocument(mark.line + 1 if mark else 1, error.problem or str(error)) from error
    except yaml.YAMLError as error:  # a character that YAML forbids comes without a mark
        raise MalformedDocument(1, str(error).partition("\n")[0]) from error
    finally:
        loader.dispose()


def _documents(loader: yaml.CSafeLoader) -> Iterator[Document]:
    number = 0
    while loader.check_event():
        if not isinstance(loader.get_event(), yaml.DocumentStartEvent):
            continue
        number += 1
        builder = _Builder()
        line = _line(loader.peek_event())
        while not isinstance(event := loader.get_event(), yaml.DocumentEndEvent):
            builder.take(event)
        yield Document(number, line, builder.root)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Builder:
    """Makes one document's value from its events, counting as it goes."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int, int]] = {}

    def take(self, event: object) -> None:
        line = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event, line), 1, 0, line, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise MalformedDocument(line, f"the alias *{event.anchor} names nothing that is complete before it")
            self._add(*self._anchors[event.anchor], line, None)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if event.tag not in _COLLECTION_TAGS:
                raise MalformedDocument(line, f"the tag {event.tag} has no meaning in a resource")
            self._open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], line, event.anchor))
            if len(self._open) > DEPTH_MAX:
                raise MalformedDocument(line, _TOO_DEEP)
        else:
            self._end()

    def _end(self) -> None:
        done = self._open.pop()
        if isinstance(done.value, dict):
            for merged in done.merged:
                done.value = {**merged, **done.value}
        self._add(done.value, done.size, done.depth, done.line, done.anchor)

    def _add(self, value: Any, size: int, depth: int, line: int, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, size, depth)
        if not self._open:
            self.root = value
            return
        parent = self._open[-1]
        parent.size += size
        parent.depth = max(parent.depth, depth + 1)
        if len(self._open) + depth > DEPTH_MAX:
            raise MalformedDocument(line, _TOO_DEEP)
        if parent.size > VALUES_MAX:
            raise MalformedDocument(line, f"stands for more than {VALUES_MAX} values")
        _put(parent, value, line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Any:
        is_plain = event.tag is None and event.implicit[0]
        parent = self._open[-1] if self._open else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            parent.is_merging = is_plain and event.value == "<<"
            return event.value
        if is_plain or event.tag in _SCALAR_TAGS:
            return _resolved(event.value, line)
        if event.tag in (None, "!", f"{_TAG}str"):
            return event.value
        raise MalformedDocument(line, f"the tag {event.tag} has no meaning in a resource")


def _put(parent: _Open, value: Any, line: int) -> None:
    if isinstance(parent.value, list):
        parent.value.append(value)
    elif parent.key is not None:
        key, parent.key = parent.key, None
        if parent.is_merging:
            parent.merged += _mergeable(value, line)
        else:
            parent.value[key] = value
    elif not isinstance(value, str):
        raise MalformedDocument(line, "a key must be text")
    elif value in parent.value:
        raise MalformedDocument(line, f"the key {value!r} stands here twice")
    else:
        parent.key = value


def _mergeable(value: Any, line: int) -> list[dict[str, Any]]:
    maps = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in maps):
        raise MalformedDocument(line, "a merge key takes a map or a list of maps")
    return maps


def _resolved(text: str, line: int) -> Any:
    """The value of a plain scalar, as Kubernetes' tools read YAML: `on` is true, a timestamp stays text."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        if _INTEGER.fullmatch(text):
            return _to_integer(text)
        return _to_float(text) if _FLOAT.fullmatch(text) else text
    except ValueError as error:
        raise MalformedDocument(line, str(error)) from error


def _to_integer(text: str) -> int:
    digits = text.replace("_", "")
    is_old_octal = re.fullmatch(r"[-+]?0[0-7]+", digits) is not None
    try:
        return int(digits, 8 if is_old_octal else 0)
    except ValueError:
        return int(digits)  # 08 and 09 are decimal


def _to_float(text: str) -> float:
    number = float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        raise ValueError(f"{text} is no JSON value")
    return number


def _depth(value: Any) -> int:
    deepest, todo = 0, [(value, 1)]
    while todo:
        item, depth = todo.pop()
        if isinstance(item, dict | list):
            deepest = max(deepest, depth)
            todo += [(child, depth + 1) for child in (item.values() if isinstance(item, dict) else item)]
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands there twice")
    return members
