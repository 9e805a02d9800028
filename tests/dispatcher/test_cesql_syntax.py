"""The tree as text: readable, and unmistakable."""

import pytest

from dispatcher.cesql_syntax import (
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
    quote,
)

A, B, C = Attribute("a"), Attribute("b"), Attribute("c")


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Literal(True), "TRUE"),
        (Literal(False), "FALSE"),
        (Literal(1), "1"),
        (Literal(-1), "-1"),
        (Literal("it's"), r"'it\'s'"),
        (Exists("a"), "EXISTS a"),
        (Not(A), "NOT a"),
        (Not(Comparison("=", A, B)), "NOT (a = b)"),
        (Comparison("=", Not(A), B), "(NOT a) = b"),
        (Logic((Not(A), B), ("AND",)), "NOT a AND b"),
        (Negate(A), "-a"),
        (Negate(Literal(1)), "-(1)"),
        (Negate(Literal(-1)), "-(-1)"),
        (Negate(Attribute("1a")), "-(1a)"),
        (Negate(Negate(A)), "-(-a)"),
        (Arithmetic("-", A, Arithmetic("-", B, C)), "a - (b - c)"),
        (Arithmetic("-", Arithmetic("-", A, B), C), "a - b - c"),
        (Arithmetic("*", Arithmetic("+", A, B), C), "(a + b) * c"),
        (Arithmetic("+", A, Arithmetic("*", B, C)), "a + b * c"),
        (Comparison("<", Comparison("=", A, B), C), "(a = b) < c"),
        (Logic((A, Logic((B, C), ("OR",)), A), ("AND", "XOR")), "a AND (b OR c) XOR a"),
        (Like(A, "x%"), "a LIKE 'x%'"),
        (Like(Not(A), "x%", negated=True), "(NOT a) NOT LIKE 'x%'"),
        (In(A, (Literal(1), Logic((B, C), ("OR",)))), "a IN (1, b OR c)"),
        (In(Negate(A), (B,), negated=True), "(-a) NOT IN (b)"),
        (Call("F", ()), "F()"),
        (Call("F", (A, Not(B))), "F(a, NOT b)"),
    ],
)
def test_a_tree_reads_as_its_text(node: Node, text: str) -> None:
    """Parentheses stand where precedence needs them or would surprise."""
    assert text == str(node)


def test_a_string_takes_the_quotes_that_can_hold_it() -> None:
    r"""`\'` within a value can only stand between double quotes."""
    assert [quote(text) for text in ("a", "a'b", "\\\\", "a\\'b", "\\'\"", "")] == [
        "'a'",
        r"'a\'b'",
        r"'\\'",
        r'"a\'b"',
        r'"\'\""',
        "''",
    ]


def test_children_stand_from_left_to_right() -> None:
    """Leaves have none; an IN's value comes before its elements."""
    assert [
        children(node)
        for node in (
            A,
            Not(A),
            Negate(A),
            Like(A, ""),
            Arithmetic("+", A, B),
            Comparison("=", A, B),
            Logic((A, B), ("AND",)),
            In(A, (B, C)),
            Call("F", (A, B)),
        )
    ] == [(), (A,), (A,), (A,), (A, B), (A, B), (A, B), (A, B, C), (A, B)]
