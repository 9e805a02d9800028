"""From CESQL text to its syntax tree, or a ParseError that says where and why.

Precedence is that of the grammar which the standard's own engines share, tightest first: function calls, `NOT` and
unary `-`; LIKE and IN; `* / %`; `+ -`; comparisons; then AND, OR and XOR on one level, grouped from the right. Hence
`NOT a = b` is `(NOT a) = b`. A sign right before a digit belongs to the number: `1 - 2` is a difference, but `1 -2` two
numbers and refused. Source: CloudEvents SQL 1.0.0 sections 2 and 3.6. Pure.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from dispatcher.cesql_runtime import Fault, integer
from dispatcher.cesql_syntax import (
    ADDITIVE,
    COMPARISON,
    MULTIPLICATIVE,
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Exists,
    In,
    Like,
    Literal,
    Logic,
    Negate,
    Node,
    Not,
    children,
)

DEPTH_MAX: Final = 50
"""How deep operations may nest, far from the end of the stack. A chain of AND, OR and XOR counts once, however long."""

_KEYWORDS: Final = frozenset(("AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "FALSE"))
_LOGIC: Final = frozenset(("AND", "OR", "XOR"))
_LEVELS: Final = {
    **dict.fromkeys(("=", "!=", "<>", "<", "<=", ">", ">="), COMPARISON),
    **dict.fromkeys(("+", "-"), ADDITIVE),
    **dict.fromkeys(("*", "/", "%"), MULTIPLICATIVE),
}
_TOKEN: Final = re.compile(
    r"""(?P<integer>[+-][0-9]++|[0-9]++(?![A-Za-z0-9_]))
      | (?P<word>[A-Za-z0-9_]++)
      | (?P<string>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")
      | (?P<symbol><=|>=|<>|!=|[=<>(),*/%+-])""",
    re.VERBOSE | re.DOTALL,
)
_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_NAME: Final = re.compile(r"[A-Za-z0-9]+")
_FUNCTION_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_]*")


class ParseError(ValueError):
    """The expression's author must act. `position` counts the characters before the fault; `reason` is for people."""

    kind: Final = "parse"

    def __init__(self, text: str, position: int, reason: str) -> None:
        super().__init__(f"{reason} (at character {position + 1})")
        self.text = text
        self.position = position
        self.reason = reason


class _Token(NamedTuple):
    kind: str
    """`integer`, `string`, `word`, `end`, or the keyword (in upper case) or symbol itself."""
    text: str
    position: int


def parse_tree(text: str) -> Node:
    """The tree of an expression. Raises ParseError, and nothing else, for every text that is none."""
    node = _Parser(text).whole()
    level: list[Node] = [node]
    for _ in range(DEPTH_MAX):
        level = [child for parent in level for child in children(parent)]
    if level:
        raise ParseError(text, 0, f"the operations nest deeper than {DEPTH_MAX}")
    return node


def _tokens(text: str) -> Iterator[_Token]:
    position = _space_end(text, 0)
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            character = text[position]
            reason = "this string is not closed" if character in "'\"" else f"{character!r} has no meaning here"
            raise ParseError(text, position, reason)
        kind, token = str(found.lastgroup), found[0]
        if kind == "symbol" or (kind == "word" and token.upper() in _KEYWORDS):
            kind = token.upper()
        yield _Token(kind, token, position)
        position = _space_end(text, found.end())
    yield _Token("end", "", len(text))


def _space_end(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()


class _Parser:
    """Precedence climbing over the tokens of one text; used once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._index = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._expression()
        self._expect("end", "an operator or the end")
        return node

    @property
    def _next(self) -> _Token:
        return self._tokens[self._index]

    def _take(self) -> _Token:
        token = self._tokens[self._index]
        self._index += 1
        return token

    def _accept(self, kind: str) -> bool:
        found = self._next.kind == kind
        self._index += found
        return found

    def _expect(self, kind: str, wanted: str) -> _Token:
        if self._next.kind != kind:
            raise self._unexpected(wanted)
        token = self._next
        self._index += kind != "end"
        return token

    def _unexpected(self, wanted: str) -> ParseError:
        token = self._next
        reason = f"expected {wanted}, found {token.text!r}" if token.text else f"expected {wanted}, found the end"
        if token.kind == "integer" and token.text[0] in "+-":
            reason += "; write a space between an operator and its number"
        return ParseError(self._text, token.position, reason)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ParseError(self._text, self._next.position, f"the operations nest deeper than {DEPTH_MAX}")

    def _expression(self) -> Node:
        self._deeper()
        operands, operators = [self._binary(COMPARISON)], []
        while self._next.kind in _LOGIC:
            operators.append(self._take().kind)
            operands.append(self._binary(COMPARISON))
        self._depth -= 1
        return Logic(tuple(operands), tuple(operators)) if operators else operands[0]

    def _binary(self, level: int) -> Node:
        """Operators of at least this level, those of the same level grouped from the left."""
        left = self._suffixed()
        while _LEVELS.get(operator := self._next.kind, -1) >= level:
            self._take()
            right = self._binary(_LEVELS[operator] + 1)
            if _LEVELS[operator] == COMPARISON:
                left = Comparison("!=" if operator == "<>" else operator, left, right)
            else:
                left = Arithmetic(operator, left, right)
        return left

    def _suffixed(self) -> Node:
        """LIKE and IN, which have no expression to their right and so cannot compete with each other."""
        node = self._prefixed()
        while self._next.kind in ("LIKE", "IN", "NOT"):
            negated = self._accept("NOT")
            if self._accept("LIKE"):
                node = Like(node, _unquoted(self._expect("string", "a string literal").text), negated)
            elif self._accept("IN"):
                self._expect("(", "'('")
                node = In(node, self._list(), negated)
            else:
                raise self._unexpected("LIKE or IN")
        return node

    def _prefixed(self) -> Node:
        if self._next.kind not in ("NOT", "-"):
            return self._primary()
        operator = self._take().kind
        self._deeper()
        operand = self._prefixed()
        self._depth -= 1
        return Not(operand) if operator == "NOT" else Negate(operand)

    def _primary(self) -> Node:
        token = self._next
        match token.kind:
            case "integer":
                return self._integer()
            case "string":
                return Literal(_unquoted(self._take().text))
            case "TRUE" | "FALSE":
                return Literal(self._take().kind == "TRUE")
            case "EXISTS":
                self._take()
                return Exists(self._name())
            case "word" if self._tokens[self._index + 1].kind == "(":
                return self._call()
            case "word":
                return Attribute(self._name())
            case "(":
                self._take()
                node = self._expression()
                self._expect(")", "')'")
                return node
        raise self._unexpected("a value")

    def _integer(self) -> Literal:
        token = self._take()
        try:
            return Literal(integer(token.text))
        except Fault as fault:
            raise ParseError(self._text, token.position, "an Integer has 32 bits: -2147483648 to 2147483647") from fault

    def _name(self) -> str:
        token = self._expect("word", "an attribute's name")
        if not _NAME.fullmatch(token.text):
            raise ParseError(self._text, token.position, "an attribute's name has letters and digits only")
        return token.text.lower()

    def _call(self) -> Call:
        token = self._take()
        if not _FUNCTION_NAME.fullmatch(token.text):
            raise ParseError(self._text, token.position, "a function's name has letters and underscores only")
        self._take()
        return Call(token.text.upper(), () if self._accept(")") else self._list())

    def _list(self) -> tuple[Node, ...]:
        """At least one expression, commas between them, up to the closing parenthesis."""
        nodes = [self._expression()]
        while self._accept(","):
            nodes.append(self._expression())
        self._expect(")", "',' or ')'")
        return tuple(nodes)


def _unquoted(literal: str) -> str:
    r"""The value of a string literal: `\` before the literal's own quote goes, every other backslash stays."""
    mark = literal[0]
    return re.sub(r"\\(.)", lambda pair: mark if pair[1] == mark else pair[0], literal[1:-1], flags=re.DOTALL)
