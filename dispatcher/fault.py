"""A fault in a resource's field, told to whoever wrote the resource. Pure."""

import re
from dataclasses import dataclass
from typing import Final

TEXT_MAX_CHARACTERS: Final = 100
"""How much of somebody's own text a fault repeats."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault. `path` is where it is, from the resource's root: `spec.filters[0].all[1].prefix.type`.

    `reason` is one line in the words of Kubernetes and Knative: `missing field(s)`, `invalid value: ...`.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def at(path: str, *steps: str | int) -> str:
    """The path some steps further down: a name is a member, a number an element.

    A name that a dot would make ambiguous stands in brackets, as in Knative's messages: `spec.filter.attributes[a.b]`.
    """
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f"[{shown(step)}]"
    return path


def shown(text: str) -> str:
    """Somebody's text, fit for a message: one line, of bounded length, and encodable whatever was in it."""
    if len(text) > TEXT_MAX_CHARACTERS:
        text = text[:TEXT_MAX_CHARACTERS] + "..."
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def kind_of(value: object) -> str:
    """What JSON calls the type of a decoded value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case dict():
            return "map"
        case list() | tuple():
            return "list"
    return type(value).__name__
