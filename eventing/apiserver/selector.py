"""Label and field selectors: which objects of a kind a client means.

Source: Kubernetes' `labels.Parse` and `fields.ParseSelector`. Pure.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from dispatcher.fault import shown
from eventing.resources.identity import Object
from eventing.resources.metadata import key_fault, value_fault

Operator = Literal["exists", "absent", "in", "notin", "gt", "lt"]
TERMS_MAX: Final = 1_000
"""Requirements, or values, in one selector."""
_TOKEN: Final = re.compile(r"\s*(?:(==|!=|[!=<>,()])|([^\s!=<>,()]+))")
_OPERATORS: Final = ("=", "==", "!=", "in", "notin", "<", ">")
_OPERATOR_WORDS: Final = "in, notin, =, ==, !=, gt, lt"
_MARKS: Final = frozenset({"=", "==", "!=", "!", "<", ">", "(", ")", ","})
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")


class BadSelector(ValueError):  # noqa: N818 - named for what it is
    """The client must act: the selector cannot be understood, or asks for what is not supported. HTTP 400."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a label selector. `values` are those of the operators that take some."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """True where the labels meet it. An absent label is `notin` every set, and compares with nothing."""
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "absent":
                return value is None
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
        return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        if value is None or not _INTEGER.fullmatch(value):
            return False
        (bound,) = self.values
        return int(value) > int(bound) if self.operator == "gt" else int(value) < int(bound)


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """One term of a field selector."""

    path: str
    value: str
    is_equal: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """What both selectors of a request ask for together; the empty one is everything."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[FieldTerm, ...] = ()

    @property
    def is_everything(self) -> bool:
        """True where every object is meant."""
        return not self.labels and not self.fields

    @property
    def can_change(self) -> bool:
        """True where an object may come in or go out by an update: names and namespaces stay."""
        return bool(self.labels) or any(not term.path.startswith("metadata.") for term in self.fields)

    @property
    def name(self) -> str | None:
        """The only name that is meant, None where there may be several."""
        return next((term.value for term in self.fields if term.path == "metadata.name" and term.is_equal), None)

    def matches(self, item: Object) -> bool:
        """True where the object is meant."""
        metadata = item["metadata"]
        labels = metadata.get("labels") or {}
        return all(one.matches(labels) for one in self.labels) and all(_meets(item, term) for term in self.fields)


def select(label_selector: str, field_selector: str, *, supported: Callable[[str], bool]) -> Selection:
    """What the two texts mean; either may be empty. `supported` tells a kind's selectable fields. Raises
    BadSelector.
    """
    return Selection(parse_labels(label_selector), parse_fields(field_selector, supported=supported))


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """The requirements of a label selector, all of which must be met. Raises BadSelector."""
    parser = _Parser(_tokens(text))
    found = tuple(parser.requirements())
    if len(found) > TERMS_MAX:
        raise BadSelector(f"a selector has at most {TERMS_MAX} requirements")
    return found


def parse_fields(text: str, *, supported: Callable[[str], bool]) -> tuple[FieldTerm, ...]:
    """The terms of a field selector, all of which must be met. Raises BadSelector."""
    terms = tuple(_field_term(part) for part in _split(text) if part)
    if len(terms) > TERMS_MAX:
        raise BadSelector(f"a selector has at most {TERMS_MAX} terms")
    for term in terms:
        if not supported(term.path):
            raise BadSelector(f"field label not supported: {shown(term.path)}")
    return terms


def _meets(item: Object, term: FieldTerm) -> bool:
    value: object = item
    for step in term.path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return (("" if value is None else str(value)) == term.value) is term.is_equal


def _split(text: str) -> Iterator[str]:
    """The parts between commas that no backslash protects, backslashes still in them."""
    part = ""
    for piece in re.findall(r"\\.|,|[^\\,]+|\\$", text, re.DOTALL):
        if piece == ",":
            yield part
            part = ""
        else:
            part += piece
    yield part


def _field_term(part: str) -> FieldTerm:
    found = re.fullmatch(r"([^=!]*)(!=|==|=)(.*)", part, re.DOTALL)
    if found is None:
        raise BadSelector(f"invalid selector: '{shown(part)}'; can't understand '{shown(part)}'")
    path, operator, raw = found.groups()
    value = re.sub(r"\\(.)", lambda escape: _unescaped(escape[1], part), raw, flags=re.DOTALL)
    if re.search(r"(?<!\\)(?:\\\\)*(=|\\$)", raw):
        raise BadSelector(f"invalid selector: '{shown(part)}'; '=' and '\\' in a value need a backslash")
    return FieldTerm(path.strip(), value, operator != "!=")


def _unescaped(character: str, part: str) -> str:
    if character not in "\\,=":
        raise BadSelector(f"invalid selector: '{shown(part)}'; invalid field selector: invalid escape sequence")
    return character


def _tokens(text: str) -> list[str]:
    return [found[1] or found[2] for found in _TOKEN.finditer(text)]


class _Parser:
    """Reads requirements from tokens, one after the other."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._position = 0

    def requirements(self) -> Iterator[Requirement]:
        while self._peek():
            yield self._requirement()
            if self._peek() and self._take() != ",":
                raise self._unexpected(", expected: ',' or 'end of string'")
            if not self._peek() and self._tokens[-1] == ",":
                self._take()
                raise self._unexpected(", expected: identifier after ','")

    def _requirement(self) -> Requirement:
        is_absent = self._peek() == "!"
        if is_absent:
            self._take()
        key = self._identifier()
        _check_key(key)
        operator = self._peek()
        if is_absent or operator in ("", ","):
            return Requirement(key, "absent" if is_absent else "exists")
        if operator not in _OPERATORS:
            self._take()
            raise self._unexpected(f", expected: {_OPERATOR_WORDS}")
        self._take()
        return self._compared(key, operator)

    def _compared(self, key: str, operator: str) -> Requirement:
        if operator in ("in", "notin"):
            values = frozenset(self._values())
        elif self._peek() in ("", ","):
            values = frozenset({""})
        else:
            values = frozenset({self._identifier()})
        for value in values:
            _check_value(value)
        if operator in "<>":
            return Requirement(key, "gt" if operator == ">" else "lt", _integers(values))
        return Requirement(key, "notin" if operator in ("!=", "notin") else "in", values)

    def _values(self) -> Iterator[str]:
        if self._take() != "(":
            raise self._unexpected(" expected: '('")
        while True:
            yield "" if self._peek() in (",", ")") else self._identifier()
            separator = self._take()
            if separator == ")":
                return
            if separator != ",":
                raise self._unexpected(", expected: ',' or ')'")

    def _identifier(self) -> str:
        token = self._take()
        if not token or token in _MARKS:
            raise self._unexpected(", expected: identifier")
        return token

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _unexpected(self, wanted: str) -> BadSelector:
        """The words say what was read last, and what should have been."""
        index = self._position - 1
        found = self._tokens[index] if index < len(self._tokens) else ""
        return BadSelector(f"unable to parse requirement: found '{shown(found)}'{wanted}")


def _check_key(key: str) -> None:
    if fault := key_fault(key):
        raise BadSelector(f'unable to parse requirement: <nil>: Invalid value: "{shown(key)}": {fault}')


def _check_value(value: str) -> None:
    if fault := value_fault(value):
        raise BadSelector(f'unable to parse requirement: values[0]: Invalid value: "{shown(value)}": {fault}')


def _integers(values: frozenset[str]) -> frozenset[str]:
    for value in values:
        if not _INTEGER.fullmatch(value):
            raise BadSelector(
                f"unable to parse requirement: values[0]: Invalid value: \"{shown(value)}\": for 'Gt', 'Lt' "
                "operators, the value must be an integer"
            )
    return values
