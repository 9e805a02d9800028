"""The syntax tree of a CESQL expression: what a node means, what type it yields, how it reads as text.

`str(node)` writes CESQL that parses to the same tree, with parentheses wherever the grammar's precedence could
surprise. Source: CloudEvents SQL 1.0.0 sections 2 and 3.4. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

Value = str | int | bool
"""What an expression yields: String, Integer (32 bits, signed) or Boolean."""
Kind = type[str] | type[int] | type[bool]
"""A type of the language. Calling it yields the type's zero value: `""`, 0 or False."""

LOGIC: Final = 0
COMPARISON: Final = 1
ADDITIVE: Final = 2
MULTIPLICATIVE: Final = 3
PREFIX: Final = 4
PRIMARY: Final = 5
"""How tightly a node's text holds together; a node inside another wants at least some level, else parentheses."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. An integer's sign belongs to the literal."""

    value: Value
    level: ClassVar[int] = PRIMARY

    def __str__(self) -> str:
        if isinstance(self.value, bool):
            return "TRUE" if self.value else "FALSE"
        return quote(self.value) if isinstance(self.value, str) else str(self.value)


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value of a context attribute, named in lower case."""

    name: str
    level: ClassVar[int] = PRIMARY

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether the event has the attribute."""

    name: str
    level: ClassVar[int] = PRIMARY

    def __str__(self) -> str:
        return f"EXISTS {self.name}"


@dataclass(frozen=True, slots=True)
class Not:
    """Boolean negation. It binds tighter than binary operators; as that surprises, its level asks for parentheses."""

    operand: "Node"
    level: ClassVar[int] = COMPARISON

    def __str__(self) -> str:
        return f"NOT {within(self.operand, PRIMARY)}"


@dataclass(frozen=True, slots=True)
class Negate:
    """Integer negation."""

    operand: "Node"
    level: ClassVar[int] = PREFIX

    def __str__(self) -> str:
        text = within(self.operand, PRIMARY)
        # `-10` is a literal and `-1a` none at all: a sign right before a digit belongs to the token.
        return f"-({text})" if text[0] in "-0123456789" else f"-{text}"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * / %` of two Integers, grouped from the left."""

    operator: str
    left: "Node"
    right: "Node"

    @property
    def level(self) -> int:
        """Multiplication, division and remainder hold tighter than sums."""
        return ADDITIVE if self.operator in "+-" else MULTIPLICATIVE

    def __str__(self) -> str:
        return f"{within(self.left, self.level)} {self.operator} {within(self.right, self.level + 1)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`=` and `!=` of any two values of one type, `< <= > >=` of two Integers. `<>` is kept as `!=`."""

    operator: str
    left: "Node"
    right: "Node"
    level: ClassVar[int] = COMPARISON

    def __str__(self) -> str:
        return f"{within(self.left, ADDITIVE)} {self.operator} {within(self.right, ADDITIVE)}"


@dataclass(frozen=True, slots=True)
class Logic:
    """A chain of AND, OR and XOR, grouped from the right: `a AND b OR c` is `a AND (b OR c)`.

    One node for the whole chain, so that its length costs no depth. `operators[i]` stands before `operands[i + 1]`.
    """

    operands: tuple["Node", ...]
    operators: tuple[str, ...]
    level: ClassVar[int] = LOGIC

    def __str__(self) -> str:
        first, *others = (within(operand, COMPARISON) for operand in self.operands)
        return first + "".join(f" {operator} {text}" for operator, text in zip(self.operators, others, strict=True))


@dataclass(frozen=True, slots=True)
class Like:
    """Whether a String matches a pattern of `%` (any run) and `_` (one character)."""

    operand: "Node"
    pattern: str
    negated: bool = False
    level: ClassVar[int] = PREFIX

    def __str__(self) -> str:
        return f"{within(self.operand, PRIMARY)} {'NOT ' * self.negated}LIKE {quote(self.pattern)}"


@dataclass(frozen=True, slots=True)
class In:
    """Whether a value equals one of the elements, each cast to the value's type."""

    operand: "Node"
    elements: tuple["Node", ...]
    negated: bool = False
    level: ClassVar[int] = PREFIX

    def __str__(self) -> str:
        return f"{within(self.operand, PRIMARY)} {'NOT ' * self.negated}IN ({', '.join(map(str, self.elements))})"


@dataclass(frozen=True, slots=True)
class Call:
    """A function's value. The name is in upper case; whether such a function exists is no question of syntax."""

    name: str
    arguments: tuple["Node", ...]
    level: ClassVar[int] = PRIMARY

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"


Node = Literal | Attribute | Exists | Not | Negate | Arithmetic | Comparison | Logic | Like | In | Call


def within(node: Node, level: int) -> str:
    """The text of a node inside another that wants at least this level."""
    return str(node) if node.level >= level else f"({node})"


def quote(text: str) -> str:
    r"""A string literal of this value, which must be one that a literal can have.

    A backslash escapes the literal's own quote and nothing else, and always stays with its neighbour: a value with `\'`
    in it can only have come from double quotes.
    """
    units = list(_units(text))
    mark = '"' if "\\'" in units else "'"
    return mark + "".join("\\" + unit if unit == mark else unit for unit in units) + mark


def _units(text: str) -> Iterator[str]:
    """The characters of a literal's value, each backslash together with the character it precedes."""
    position = 0
    while position < len(text):
        length = 2 if text[position] == "\\" else 1
        yield text[position : position + length]
        position += length


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below this one, from left to right."""
    match node:
        case Not() | Negate() | Like():
            return (node.operand,)
        case Arithmetic() | Comparison():
            return (node.left, node.right)
        case Logic():
            return node.operands
        case In():
            return (node.operand, *node.elements)
        case Call():
            return node.arguments
        case _:
            return ()
