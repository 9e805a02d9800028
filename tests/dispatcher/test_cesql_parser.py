"""From CESQL text to a tree: tokens, precedence, and what is refused where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.cesql_parser import DEPTH_MAX, ParseError, parse_tree
from dispatcher.cesql_syntax import Attribute, Call, Exists, In, Like, Literal, Logic, Negate, Node


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("a AND b OR c", "a AND (b OR c)"),
        ("a OR b AND c XOR d", "a OR (b AND (c XOR d))"),
        ("NOT a = b", "(NOT a) = b"),
        ("NOT a LIKE 'x'", "(NOT a) LIKE 'x'"),
        ("NOT EXISTS a", "NOT (EXISTS a)"),
        ("- a * b", "(-a) * b"),
        ("NOT - a", "NOT (-a)"),
        ("a + b LIKE 'x'", "a + (b LIKE 'x')"),
        ("a * b IN (1)", "a * (b IN (1))"),
        ("a IN (1) LIKE 'x'", "(a IN (1)) LIKE 'x'"),
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("a / b % c", "(a / b) % c"),
        ("a = b + c", "a = (b + c)"),
        ("a = b < c", "(a = b) < c"),
        ("a = b AND c", "(a = b) AND c"),
        ("a <> b", "a != b"),
        ("a NOT LIKE 'x' AND b NOT IN (1)", "(a NOT LIKE 'x') AND (b NOT IN (1))"),
    ],
)
def test_precedence_is_the_grammars(text: str, grouped: str) -> None:
    """Parentheses at the grammar's own groups change nothing but whether a chain of logic is one node."""
    assert _folded(parse_tree(grouped)) == _folded(parse_tree(text))


def _folded(node: Node) -> str:
    """The tree with each chain of logic as pairs, grouped from the right."""
    if not isinstance(node, Logic):
        return repr(node)
    first, *rest = node.operands
    remaining = Logic(tuple(rest), node.operators[1:]) if len(rest) > 1 else rest[0]
    return f"({_folded(first)} {node.operators[0]} {_folded(remaining)})"


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("-10", Literal(-10)),
        ("+007", Literal(7)),
        ("--10", Negate(Literal(-10))),
        ("- 10", Negate(Literal(10))),
        ("-2147483648", Literal(-(2**31))),
        ("tRuE", Literal(True)),
        (r"'a\'b\"c\\'", Literal(r"a'b\"c\\")),
        (r'"a\"b"', Literal('a"b')),
        ("'a\nb'", Literal("a\nb")),
        ("1st", Attribute("1st")),
        ("\t\r\n TYPE ", Attribute("type")),
        ("exists SubJect", Exists("subject")),
        ("is_int ( a )", Call("IS_INT", (Attribute("a"),))),
        ("f()", Call("F", ())),
        ("a in (1,'b')", In(Attribute("a"), (Literal(1), Literal("b")))),
        ("a like 'x_%'", Like(Attribute("a"), "x_%")),
        ("((a))", Attribute("a")),
    ],
)
def test_a_text_means_its_tree(text: str, node: Node) -> None:
    """Names and keywords know no case; strings do, and lose only the backslash before their own quote."""
    assert repr(node) == repr(parse_tree(text))


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "expected a value, found the end"),
        ("ABC(", 4, "expected a value, found the end"),
        ("(a", 2, "expected ')'"),
        ("f(a b)", 4, "expected ',' or ')'"),
        ("f(,)", 2, "expected a value, found ','"),
        ("a IN ()", 6, "expected a value"),
        ("a IN 1", 5, "expected '('"),
        ("a LIKE 123", 7, "expected a string literal"),
        ("a LIKE b", 7, "expected a string literal"),
        ("a NOT b", 6, "expected LIKE or IN"),
        ("a b", 2, "expected an operator or the end, found 'b'"),
        ("1 -2", 2, "write a space between an operator and its number"),
        ("a-1", 1, "write a space"),
        ("-12ab", 3, "found 'ab'"),
        ("1 2", 2, "found '2'"),
        ("'it''s'", 4, "found \"'s'\""),
        ("a = 'x", 4, "this string is not closed"),
        (r"'x\'", 0, "this string is not closed"),
        ("a # b", 2, "'#' has no meaning here"),
        ("a\u00a0", 1, "has no meaning here"),
        ("é = 1", 0, "has no meaning here"),
        ("a_b = 1", 0, "letters and digits only"),
        ("EXISTS a_b", 7, "letters and digits only"),
        ("EXISTS 5", 7, "expected an attribute's name"),
        ("EXISTS in", 7, "expected an attribute's name"),
        ("f1(a)", 0, "letters and underscores only"),
        ("_f(a)", 0, "letters and underscores only"),
        ("2147483648", 0, "32 bits"),
        ("-2147483649", 0, "32 bits"),
        ("1" * 100_000, 0, "32 bits"),
        ("AND a", 0, "expected a value, found 'AND'"),
    ],
)
def test_what_is_no_expression_is_refused_where_it_goes_wrong(text: str, position: int, words: str) -> None:
    """The author reads what was expected, and at which character."""
    with pytest.raises(ParseError) as refused:
        parse_tree(text)
    assert (text, position) == (refused.value.text, refused.value.position)
    assert words in refused.value.reason
    assert f"{refused.value.reason} (at character {position + 1})" == str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "NOT " * 25_000 + "a",
        "- " * 50_000 + "a",
        "f(" * 50_000,
        "1" + " + 1" * 25_000,
        "a" + " = a" * 25_000,
        "a " + "LIKE 'x' " * 10_000,
        "(" * DEPTH_MAX + "a" + ")" * DEPTH_MAX,
        "1" + " + 1" * DEPTH_MAX,
    ],
)
def test_operations_nested_too_deep_are_refused(text: str) -> None:
    """However an expression nests, the limit is ours and not the interpreter's."""
    with pytest.raises(ParseError, match="nest deeper than 50"):
        parse_tree(text)


@pytest.mark.parametrize("text", ["1" + " + 1" * (DEPTH_MAX - 1), "(" * (DEPTH_MAX - 1) + "a" + ")" * (DEPTH_MAX - 1)])
def test_operations_nested_just_deep_enough_are_taken(text: str) -> None:
    """The limit is the number it says."""
    assert parse_tree(text) == parse_tree(str(parse_tree(text)))


def test_a_chain_of_logic_may_be_as_long_as_it_likes() -> None:
    """A chain is one node, so length is no depth."""
    tree = parse_tree("a" + " OR a" * 20_000)
    assert isinstance(tree, Logic)
    assert len(tree.operands) == 20_001


WORDS = [
    "a",
    "b",
    "f(",
    "(",
    ")",
    ",",
    "AND",
    "OR",
    "NOT",
    "LIKE",
    "IN",
    "EXISTS",
    "-",
    "+",
    "=",
    "<>",
    "'x'",
    "1",
    "-1",
    "'",
]


def refusal(text: str) -> ParseError | None:
    try:
        parse_tree(text)
    except ParseError as error:
        return error
    return None


@given(st.lists(st.sampled_from(WORDS)).map(" ".join) | st.text(alphabet="ab1('\")\\-= ,%\n") | st.text())
def test_every_text_is_parsed_or_refused(text: str) -> None:
    """Nothing but ParseError comes out, its position is in the text, and what is parsed reads as the same tree."""
    refused = refusal(text)
    if refused is None:
        tree = parse_tree(text)
        assert repr(tree) == repr(parse_tree(str(tree)))
    else:
        assert 0 <= refused.position <= len(text)
