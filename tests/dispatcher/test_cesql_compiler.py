"""Compiled verdicts: what matches, at any length and depth, and that text never becomes code."""

import pytest

from dispatcher.cesql_compiler import compile_match
from dispatcher.cesql_parser import DEPTH_MAX, parse_tree
from dispatcher.cesql_syntax import Attribute, Comparison, Literal, Node
from tests.dispatcher.cesql_strategies import event

SOME = event(type="order.placed", source="/shop/7", n=5, s="5", flag=True, off=False, bin=b"\xff")


@pytest.mark.parametrize(
    "text",
    [
        "type = 'order.placed' AND source LIKE '/shop%'",
        "type = 'a' OR type = 'b' OR type = 'order.placed'",
        "(type = 'a' OR type = 'order.placed') AND source LIKE '/shop/%'",
        "type = 'order.placed' AND (source = 'x' OR n = 5)",
        "n = '5' AND s = 5 AND 5 = n AND '5' = n AND n = s",
        "n != '6' AND n != 6 AND n != type",
        "flag AND NOT off AND flag = TRUE AND off != flag",
        "'TRUE' = flag AND flag = 'true'",
        "NOT (off = TRUE) AND NOT off AND NOT 0",
        "flag",
        "TRUE",
        "n < 6 AND s >= 5 AND -n <= 0 AND 10 > n + 1",
        "n * 2 = 10 AND n = 11 - 6",
        "off XOR flag",
        "flag XOR off XOR off",
        "off XOR TRUE OR TRUE XOR flag",
        "flag XOR off AND missing",
        "flag OR missing = 1",
        "EXISTS n AND NOT EXISTS missing",
        "bin = '/w==' AND bin LIKE '/w%' AND bin IN ('x', '/w==')",
        "type LIKE '%.%' AND source NOT LIKE 'x%' AND type LIKE 'order_placed' AND n LIKE '5' AND n + 1 LIKE '6'",
        "n IN (4, '5') AND type IN ('a', 'order.placed') AND 'a' IN ('a') AND 5 IN ('5') AND flag IN (5)",
        "n IN (s, missing) AND n NOT IN (1 + 1, 3) AND LOWER(type) IN ('order.placed')",
        "LENGTH(source) = 7 AND LEFT(type, s) = 'order' AND CONCAT(n, flag) = '5true' AND UPPER('a') = 'A'",
        "BOOL(n) AND INT(s) = n AND IS_INT(s) AND BOOL(n = 5) AND STRING(n) = '5' AND 1 AND 'true'",
    ],
)
def test_an_event_matches(text: str) -> None:
    """A Boolean true, reached without an error."""
    assert compile_match(parse_tree(text))(SOME) is True


@pytest.mark.parametrize(
    "text",
    [
        "type = 'other'",
        "flag AND off",
        "flag XOR TRUE",
        "(flag AND off) OR FALSE",
        "missing",
        "missing = 'x'",
        "NOT (missing = 'x')",
        "missing NOT LIKE 'x' OR TRUE",
        "NOT (missing = 'x' OR missing = 'y')",
        "NOT (off OR missing LIKE 'y')",
        "n NOT IN (missing)",
        "NOT NOWHERE(n)",
        "TRUE XOR (TRUE AND NOWHERE())",
        "n",
        "s",
        "5",
        "'true'",
        "LOWER('TRUE')",
        "NOT 10",
        "NOT n",
        "type > 5",
        "n / 0 != 1",
        "n IN ('x', 5)",
        "type AND TRUE",
    ],
)
def test_an_event_does_not_match(text: str) -> None:
    """False, a value that is no Boolean, or any error, even under NOT."""
    assert compile_match(parse_tree(text))(SOME) is False


@pytest.mark.parametrize(
    "text",
    [
        " OR ".join(f"type = 't{i}'" for i in range(5_000)) + " OR flag",
        " AND ".join(["flag"] * 5_000),
        " XOR ".join(["flag"] * 5_001),
        " AND ".join(["(off OR flag)"] * 2_000),
        f"type IN ({', '.join(repr(str(i)) for i in range(5_000))}, 'order.placed')",
        "(off OR " * (DEPTH_MAX - 1) + "flag" + ")" * (DEPTH_MAX - 1),
        "(flag AND " * 24 + "flag" + ") = TRUE" * 24,
        "NOT (" * 24 + "flag" + ")" * 24,
        "TRUE IN (off, " * (DEPTH_MAX - 1) + "flag" + ")" * (DEPTH_MAX - 1),
    ],
)
def test_neither_length_nor_depth_meets_a_limit_of_pythons(text: str) -> None:
    """What the parser takes can be compiled and run."""
    assert compile_match(parse_tree(text))(SOME) is True


NASTY = [
    "'",
    '"',
    "\\",
    "'''",
    '"""',
    "\n",
    "\x00",
    "{",
    "%s",
    "\u2028",
    "') or __import__('os').abort() or ('",
    "#",
]


@pytest.mark.parametrize("text", NASTY)
def test_text_stays_text(text: str) -> None:
    """A string reaches the generated code as a literal of itself, whatever it looks like."""
    node: Node = Comparison("=", Attribute("word"), Literal(text))
    assert [compile_match(node)(event(word=word)) for word in (text, text + "x")] == [True, False]


def test_attributes_are_looked_up_once() -> None:
    """Each is fetched for its first use and kept for the others."""

    class Counting:
        def __init__(self) -> None:
            self.fetched: list[str] = []

        def get(self, name: str) -> str:
            self.fetched.append(name)
            return "x"

    counting = Counting()
    compile_match(parse_tree("type = 'a' OR type LIKE 'b%' OR type = 'c'"))(counting)  # type: ignore[arg-type]
    assert counting.fetched == ["type"]
