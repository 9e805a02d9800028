"""Random CESQL: trees, their text, and events that make them interesting. For the properties of all its rooms."""

from hypothesis import strategies as st

from channels.event import Event
from dispatcher.cesql_parser import parse_tree
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
    Value,
)

TEXTS = ["", "a", "b", "ab", "a%", "5", "05", "-1", "0", "true", "TRUE", "false", "ünï", "2147483648"]
NAMES = ["type", "source", "a", "b", "1a", "missing"]
RAW = st.one_of(
    st.sampled_from(TEXTS), st.text(alphabet="ab%_'\"\\ \n\x00é\U0001f600", max_size=6), st.text(max_size=4)
)
"""What may stand between the quotes of a literal, before escaping."""


def string(raw: str, mark: str) -> Literal:
    """What a string literal says that has this text, or nearly so, between its quotes."""
    units = raw.replace(mark, "\\" + mark) if "\\" not in raw else raw.replace(mark, "")
    trailing = len(units) - len(units.rstrip("\\"))
    node = parse_tree(mark + units + "\\" * (trailing % 2) + mark)
    assert isinstance(node, Literal)
    return node


STRINGS = st.builds(string, RAW, st.sampled_from("'\""))
INTEGERS = st.one_of(
    st.integers(-2, 12), st.sampled_from([2**31 - 1, -(2**31), 10**9]), st.integers(-(2**31), 2**31 - 1)
)
LITERALS = st.one_of(STRINGS, INTEGERS.map(Literal), st.booleans().map(Literal))
LEAVES = st.one_of(LITERALS, st.sampled_from(NAMES).map(Attribute), st.sampled_from(NAMES).map(Exists))
SHAPES = st.sampled_from(["%", "a%", "%b", "a%b", "%a%", "_", "5_"])
PATTERNS = st.one_of(STRINGS.map(lambda node: str(node.value)), SHAPES)
CALLS = [
    ("LENGTH", 1),
    ("CONCAT", 0),
    ("CONCAT", 3),
    ("CONCAT_WS", 2),
    ("LOWER", 1),
    ("TRIM", 1),
    ("LEFT", 2),
    ("SUBSTRING", 2),
    ("SUBSTRING", 3),
    ("ABS", 1),
    ("INT", 1),
    ("BOOL", 1),
    ("STRING", 1),
    ("IS_INT", 1),
    ("IS_BOOL", 1),
    ("ABS", 2),
    ("NO_SUCH", 1),
]


@st.composite
def chains(draw: st.DrawFn, inner: st.SearchStrategy[Node]) -> Logic:
    """A chain of AND, OR and XOR."""
    operands = draw(st.lists(inner, min_size=2, max_size=4))
    wanted = st.lists(st.sampled_from(["AND", "OR", "XOR"]), min_size=len(operands) - 1, max_size=len(operands) - 1)
    return Logic(tuple(operands), tuple(draw(wanted)))


@st.composite
def calls(draw: st.DrawFn, inner: st.SearchStrategy[Node]) -> Call:
    """A call of a function there is, or is not."""
    name, count = draw(st.sampled_from(CALLS))
    return Call(name, tuple(draw(inner) for _ in range(count)))


def operations(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """One operation on the inner nodes."""
    return st.one_of(
        st.builds(Not, inner),
        st.builds(Negate, inner),
        st.builds(Arithmetic, st.sampled_from("+-*/%"), inner, inner),
        st.builds(Comparison, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), inner, inner),
        chains(inner),
        st.builds(Like, inner, PATTERNS, st.booleans()),
        st.builds(In, inner, st.lists(inner, min_size=1, max_size=3).map(tuple), st.booleans()),
        calls(inner),
    )


CONDITIONS = st.one_of(
    st.builds(Comparison, st.sampled_from(["=", "!="]), st.sampled_from(NAMES).map(Attribute), LITERALS),
    st.builds(Comparison, st.just("="), LITERALS, st.sampled_from(NAMES).map(Attribute)),
    st.builds(In, st.sampled_from(NAMES).map(Attribute), st.lists(LITERALS, min_size=1, max_size=2).map(tuple)),
    st.builds(Like, st.sampled_from(NAMES).map(Attribute), PATTERNS),
)
"""What filters are mostly made of; without it random trees would seldom match."""
TREES: st.SearchStrategy[Node] = st.one_of(
    st.recursive(st.one_of(LEAVES, CONDITIONS), operations, max_leaves=12),
    st.recursive(CONDITIONS, chains, max_leaves=8),
)
VALUES = st.one_of(st.sampled_from(TEXTS), INTEGERS, st.booleans(), st.binary(max_size=3))
FILLED = st.sampled_from([text for text in TEXTS if text])
EVENTS = st.builds(
    lambda required, extensions: Event.from_attributes({"id": "1", **required, **extensions}),
    st.fixed_dictionaries({"type": FILLED, "source": st.sampled_from(["a", "b", "5"])}),
    st.dictionaries(st.sampled_from(["a", "b", "1a"]), VALUES),
)


LIKELY_TEXTS = st.sampled_from(["a", "5", "05", "true", "TRUE"])
LIKELY_PAIRS = st.tuples(st.sampled_from(["a", "b"]).map(Attribute), LIKELY_TEXTS.map(Literal))
LIKELY_TREES: st.SearchStrategy[Node] = st.recursive(
    st.one_of(
        LIKELY_PAIRS.map(lambda pair: Comparison("=", pair[0], pair[1])),
        LIKELY_PAIRS.map(lambda pair: Comparison("=", pair[1], pair[0])),
        LIKELY_PAIRS.map(lambda pair: In(pair[0], (pair[1],))),
    ),
    chains,
    max_leaves=3,
)
LIKELY_EVENTS = st.builds(
    lambda a, b: event(a=a, b=b), *[st.one_of(LIKELY_TEXTS, st.just(5), st.booleans(), st.just(b"\xb6"))] * 2
)
"""Equalities, and events that often have them: in one type or another, or nearly."""


def event(**attributes: Value | bytes) -> Event:
    """A valid event with these attributes, and with required ones where none are given."""
    return Event.from_attributes({"id": "1", "source": "/s", "type": "t", **attributes})
