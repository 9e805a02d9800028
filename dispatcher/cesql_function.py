"""The functions of CESQL. A function is known by its name and how many arguments it takes.

Positions and lengths count characters, never bytes. Source: CloudEvents SQL 1.0.0 section 3.5. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dispatcher.cesql_runtime import Fault, absolute, boolean, cast, integer
from dispatcher.cesql_syntax import Kind, Value

# The characters with Unicode's White_Space property. str.strip() would also take U+001C to U+001F, which lack it.
_WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


@dataclass(frozen=True, slots=True)
class Function:
    """One function. Arguments are cast to `parameters` (None: any type), those beyond to `rest`, where it has one."""

    name: str
    parameters: tuple[Kind | None, ...]
    result: Kind
    run: Callable[..., Any]
    rest: Kind | None = None

    def __call__(self, *arguments: Value) -> Value:
        """The function's value. Raises Fault."""
        value: Value = self.run(*map(cast, arguments, self.kinds(len(arguments))))
        return value

    def kinds(self, count: int) -> tuple[Kind | None, ...]:
        """The types of that many arguments."""
        return (*self.parameters, *(self.rest,) * (count - len(self.parameters)))

    def takes(self, count: int) -> bool:
        """Whether it can be called with so many arguments."""
        return count >= len(self.parameters) if self.rest else count == len(self.parameters)


def find(name: str, count: int) -> Function | None:
    """The function of that name, in upper case, that takes so many arguments."""
    return next((function for function in FUNCTIONS if function.name == name and function.takes(count)), None)


def resolve(name: str, count: int) -> Function:
    """As `find`. Raises Fault where there is none."""
    function = find(name, count)
    if function is None:
        raise Fault("missingFunction", f"there is no function {name} of {count} arguments")
    return function


def arities(name: str) -> str:
    """How many arguments the functions of that name take, in words; empty where there is none."""
    named = (function for function in FUNCTIONS if function.name == name)
    return " or ".join(f"{len(function.parameters)}{' and more' if function.rest else ''}" for function in named)


def _join(delimiter: str, *texts: str) -> str:
    return delimiter.join(texts)


def _concatenate(*texts: str) -> str:
    return "".join(texts)


def _trim(text: str) -> str:
    return text.strip(_WHITE_SPACE)


def _left(text: str, count: int) -> str:
    return text[: _counted(text, count)]


def _right(text: str, count: int) -> str:
    return text[max(0, len(text) - _counted(text, count)) :]


def _counted(text: str, count: int) -> int:
    if count < 0:
        raise Fault("functionEvaluation", f"{count} characters cannot be taken", value=text)
    return count


def _substring(text: str, position: int, length: int | None = None) -> str:
    """From a position counted from 1, or from the end where negative. Position 0 yields nothing."""
    if length is not None and length < 0:
        raise Fault("functionEvaluation", f"{length} characters cannot be taken")
    if abs(position) > len(text):
        raise Fault("functionEvaluation", f"position {position} is outside of {len(text)} characters")
    if position == 0:
        return ""
    start = position - 1 if position > 0 else len(text) + position
    return text[start:] if length is None else text[start : start + length]


def _can(convert: Callable[[Value], Value], value: Value) -> bool:
    try:
        convert(value)
    except Fault:
        return False
    return True


def _is_integer(value: Value) -> bool:
    return _can(integer, value)


def _is_boolean(value: Value) -> bool:
    return _can(boolean, value)


def _same(value: Value) -> Value:
    return value


FUNCTIONS: Final = (
    Function("LENGTH", (str,), int, len),
    Function("CONCAT", (), str, _concatenate, rest=str),
    Function("CONCAT_WS", (str,), str, _join, rest=str),
    Function("LOWER", (str,), str, str.lower),
    Function("UPPER", (str,), str, str.upper),
    Function("TRIM", (str,), str, _trim),
    Function("LEFT", (str, int), str, _left),
    Function("RIGHT", (str, int), str, _right),
    Function("SUBSTRING", (str, int), str, _substring),
    Function("SUBSTRING", (str, int, int), str, _substring),
    Function("ABS", (int,), int, absolute),
    # The casts do their work in their parameters.
    Function("INT", (int,), int, _same),
    Function("BOOL", (bool,), bool, _same),
    Function("STRING", (str,), str, _same),
    Function("IS_INT", (None,), bool, _is_integer),
    Function("IS_BOOL", (None,), bool, _is_boolean),
)
