r"""Patterns of CESQL's LIKE: `%` is any run of characters, `_` any one; `\%` and `\_` are those characters themselves.

Matching takes each stretch between two `%` at its first place and never goes back, so no pattern takes more than time
proportional to the text times the pattern. Source: CloudEvents SQL 1.0.0 section 3.4.3. Pure.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_UNIT: Final = re.compile(r"\\([%_])|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters between two `%`, `_` among them as None."""

    characters: tuple[str | None, ...]

    @property
    def text(self) -> str | None:
        """The characters as one string, None where some of them may be any."""
        return "".join(filter(None, self.characters)) if None not in self.characters else None

    @property
    def expression(self) -> re.Pattern[str]:
        """A regular expression of fixed length, so it cannot backtrack."""
        return re.compile("".join("." if one is None else re.escape(one) for one in self.characters), re.DOTALL)


def stretches(pattern: str) -> tuple[Stretch, ...]:
    """The pattern cut at its `%`: one stretch where it has none, else one more than it has. Runs of `%` are one."""
    cut: list[list[str | None]] = [[]]
    for found in _UNIT.finditer(pattern):
        escaped, plain = found.groups()
        if plain == "%":
            if cut[-1] or len(cut) == 1:
                cut.append([])
        else:
            cut[-1].append(escaped or (None if plain == "_" else plain))
    return tuple(Stretch(tuple(characters)) for characters in cut)


def matcher(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a whole text matches the pattern."""
    first, *others = stretches(pattern)
    head = first.expression
    if not others:
        return lambda text: head.fullmatch(text) is not None
    middle = [stretch.expression for stretch in others[:-1]]
    tail, tail_length = others[-1].expression, len(others[-1].characters)

    def matches(text: str) -> bool:
        found = head.match(text)
        end = len(text) - tail_length
        for expression in middle:
            if found is not None:
                found = expression.search(text, found.end(), max(end, 0))
        return found is not None and found.end() <= end and tail.match(text, end) is not None

    return matches


def code(pattern: str, subject: str) -> str | None:
    """A Python expression that is true where the string named by `subject` matches; None where no string method does.

    `subject` must be an atom; everything of the pattern enters as a literal.
    """
    texts = [stretch.text for stretch in stretches(pattern)]
    match texts:
        case [str(whole)]:
            return f"{subject} == {whole!r}"
        case ["", ""]:
            return "True"
        case [str(prefix), ""]:
            return f"{subject}.startswith({prefix!r})"
        case ["", str(suffix)]:
            return f"{subject}.endswith({suffix!r})"
        case [str(prefix), str(suffix)]:
            length = len(prefix) + len(suffix)
            return f"len({subject}) >= {length} and {subject}.startswith({prefix!r}) and {subject}.endswith({suffix!r})"
        case ["", str(infix), ""]:
            return f"{infix!r} in {subject}"
    return None
