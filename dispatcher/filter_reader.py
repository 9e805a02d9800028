"""From decoded YAML or JSON that nobody has checked to a clause, or to every fault in it. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeGuard

from dispatcher import cesql
from dispatcher.fault import FieldError, at, kind_of, shown
from dispatcher.filter_clause import EVERYTHING, AllOf, AnyOf, Cesql, Clause, Comparison, Not, Operator, Present

DIALECTS: Final = ("exact", "prefix", "suffix", "all", "any", "not", "cesql")
DEPTH_MAX: Final = 32
"""How deep `all`, `any` and `not` may nest. Knative has no bound; filters written by hand stay below five."""
NODES_MAX: Final = 10_000
"""Filters, dialects and attributes that one Trigger may name: YAML aliases can make a small file mean a huge one."""

_NAME = re.compile(r"[a-z][a-z0-9]*")
_NAME_RULE: Final = "Attribute name must start with a letter and can only contain lowercase alphanumeric"
_EMPTY: Final = "invalid value: must not be empty"


class InvalidFilter(ValueError):  # noqa: N818 - named for what it is
    """The writer of the resource must act. `errors` holds every fault."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = tuple(errors)


def read(legacy: object, filters: object, path: str) -> Clause:
    """What a Trigger's `filter` and `filters` under `path` mean. Raises InvalidFilter, nothing else."""
    reader = _Reader()
    attributes = reader.legacy(legacy, at(path, "filter"))
    elements = reader.filters(filters, at(path, "filters"))
    if reader.errors:
        raise InvalidFilter(reader.errors)
    return _all(elements) if elements else attributes


class _Reader:
    """Walks once through the filters of one Trigger, and goes on after a fault: the clause it then returns is void."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self._nodes = 0

    def legacy(self, value: object, path: str) -> Clause:
        members = {} if value is None else self._members(value, path)
        for name in members:
            if name != "attributes":
                self._refuse(at(path, name), "unknown field")
        attributes = members.get("attributes")
        pairs = [] if attributes is None else self._pairs(attributes, at(path, "attributes"))
        return _all([Comparison("exact", name, (text,)) if text else Present(name) for name, text in pairs])

    def filters(self, value: object, path: str, depth: int = 0) -> tuple[Clause, ...]:
        if value is None:
            return ()
        if not _is_list(value):
            self._refuse(path, _mismatch("a list", value))
            return ()
        return tuple(self._element(element, at(path, index), depth) for index, element in enumerate(value))

    def _element(self, value: object, path: str, depth: int) -> Clause:
        if depth > DEPTH_MAX:
            self._refuse(path, f"invalid value: filters may nest {DEPTH_MAX} deep")
            return EVERYTHING
        self._count(path)
        errors_before = len(self.errors)
        given = {name: content for name, content in self._members(value, path).items() if content is not None}
        for name in given:
            if name not in DIALECTS:
                self._refuse(at(path, name), f"unknown field: the dialects are {', '.join(DIALECTS)}")
        chosen = [dialect for dialect in DIALECTS if dialect in given]
        if len(chosen) > 1:
            self._refuse(path, f"multiple dialects found, filters can have only one dialect set: {', '.join(chosen)}")
        elif not chosen and len(self.errors) == errors_before:
            self._refuse(path, f"expected exactly one, got neither: {', '.join(DIALECTS)}")
        clauses = [self._dialect(dialect, given[dialect], at(path, dialect), depth) for dialect in chosen]
        return clauses[0] if clauses else EVERYTHING

    def _dialect(self, dialect: str, value: object, path: str, depth: int) -> Clause:
        match dialect:
            case "exact" | "prefix" | "suffix":
                return self._comparisons(dialect, value, path)
            case "cesql":
                return self._cesql(value, path)
            case "not":
                return Not(self._element(value, path, depth + 1))
        if _is_list(value) and not value:
            self._refuse(path, _EMPTY)
        children = self.filters(value, path, depth + 1)
        return AllOf(children) if dialect == "all" else AnyOf(children)

    def _comparisons(self, operator: Operator, value: object, path: str) -> Clause:
        if isinstance(value, Mapping) and not value:
            self._refuse(path, _EMPTY)
        pairs = self._pairs(value, path)
        for name, text in pairs:
            if not text:
                self._refuse(at(path, name), _EMPTY)
        return _all([Comparison(operator, name, (text,)) for name, text in pairs])

    def _cesql(self, value: object, path: str) -> Clause:
        if not isinstance(value, str):
            self._refuse(path, _mismatch("a string", value))
            return EVERYTHING
        try:
            expression = cesql.parse(value)
        except cesql.ParseError as error:
            self._refuse(path, f"invalid value: {shown(value)}: {error}")
            return EVERYTHING
        for fault in expression.faults():
            self._refuse(path, f"invalid value: {shown(value)}: {fault}")
        return Cesql(value, expression)

    def _pairs(self, value: object, path: str) -> list[tuple[str, str]]:
        """The attributes of a dialect and what they are compared with, those that are wrong left out and told of."""
        pairs = []
        for name, text in self._members(value, path).items():
            if not _NAME.fullmatch(name):
                self._refuse(at(path, name), f'invalid key name "{shown(name)}": {_NAME_RULE}')
            if isinstance(text, str):
                pairs.append((name, text))
            else:
                self._refuse(at(path, name), _mismatch("a string", text))
        return pairs

    def _members(self, value: object, path: str) -> dict[str, object]:
        if not isinstance(value, Mapping):
            self._refuse(path, _mismatch("a map", value))
            return {}
        members: dict[str, object] = {}
        for name, content in value.items():
            self._count(path)
            if isinstance(name, str):
                members[name] = content
            else:
                self._refuse(path, f"invalid key name: expected a string, got {kind_of(name)}")
        return members

    def _count(self, path: str) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            reason = f"invalid value: the filters of one Trigger may name {NODES_MAX} filters, dialects and attributes"
            raise InvalidFilter([FieldError(path, reason)])

    def _refuse(self, path: str, reason: str) -> None:
        self.errors.append(FieldError(path, reason))


def _all(clauses: Sequence[Clause]) -> Clause:
    return clauses[0] if len(clauses) == 1 else AllOf(tuple(clauses))


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def _mismatch(wanted: str, value: object) -> str:
    return f"invalid value: expected {wanted}, got {kind_of(value)}"
