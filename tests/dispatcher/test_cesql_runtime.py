"""What operators do with values: casts, equality, arithmetic in 32 bits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.cesql_runtime import (
    Fault,
    absolute,
    arithmetic,
    attribute,
    boolean,
    cast,
    compare,
    contains,
    integer,
    invert,
    kind_name,
    negate,
    text,
)
from dispatcher.cesql_syntax import Value
from tests.dispatcher.cesql_strategies import event

LEAST, MOST = -(2**31), 2**31 - 1
INTEGERS = st.integers(LEAST, MOST)


@given(INTEGERS)
def test_an_integer_survives_being_text(number: int) -> None:
    """Its text is decimal, and reads back with a sign or zeros before it too."""
    assert number == integer(text(number))
    assert abs(number) == abs(integer(f"-00{abs(number)}"))


@pytest.mark.parametrize(
    "wrong", ["", "+", "-", "a", "1a", " 1", "1 ", "1_0", "--1", "٣", "1.0", "2147483648", "9" * 99]
)
def test_what_is_no_integer_of_32_bits_cannot_be_cast_to_one(wrong: str) -> None:
    """One sign and ASCII digits, nothing else."""
    with pytest.raises(Fault, match="is no Integer") as fault:
        integer(wrong)
    assert (fault.value.kind, fault.value.value) == ("cast", None)
    assert len(fault.value.reason) < 80


def test_casts_to_and_from_boolean() -> None:
    """Of Integers only 0 is false; of Strings, `true` and `false` in any case are Booleans."""
    assert [boolean(value) for value in (-50, 0, True, "TrUe", "FALSE")] == [True, False, True, True, False]
    assert [integer(True), integer(False), text(True), text(False)] == [1, 0, "true", "false"]
    assert [cast(5, str), cast("5", int), cast(5, bool), cast("x", None)] == ["5", 5, True, "x"]
    with pytest.raises(Fault, match="'yes' is no Boolean"):
        boolean("yes")


def test_types_have_the_standards_names() -> None:
    """For messages to people."""
    assert [kind_name(kind) for kind in (str, int, bool)] == ["String", "Integer", "Boolean"]


def test_not_yields_true_where_its_operand_cannot_be_cast() -> None:
    """The standard's vectors want a cast error and true of `NOT 10`, while 0 and 1 are Booleans."""
    assert [invert(value) for value in (0, 1, "true", "FALSE")] == [True, False, False, True]
    for wrong in (10, -1, "abc"):
        with pytest.raises(Fault) as fault:
            invert(wrong)
        assert (fault.value.kind, fault.value.value) == ("cast", True)


@pytest.mark.parametrize(
    ("left", "operator", "right", "held"),
    [
        ("5", "=", 5, True),
        (5, "=", "05", False),
        ("TRUE", "=", True, True),
        (True, "=", "TRUE", False),
        (7, "=", True, True),
        ("a", "!=", "b", True),
        ("9", "<", "10", True),
        (2, "<=", 2, True),
        (True, ">", 0, True),
        (2, ">=", 3, False),
    ],
)
def test_equality_takes_the_right_type_and_order_takes_integers(
    left: Value, operator: str, right: Value, held: bool
) -> None:
    """`=` casts its left operand to the type of the right; `<` and its like cast both to Integer."""
    assert held == compare(operator, left, right)


def test_a_set_is_searched_in_the_type_of_the_value_until_one_is_equal() -> None:
    """An element after the equal one is not even cast."""
    assert [contains(1, ("1", "a")), contains("true", (True,)), contains("TRUE", (True,))] == [True, True, False]
    with pytest.raises(Fault):
        contains(1, ("a", "1"))


@given(INTEGERS, INTEGERS.filter(bool))
def test_division_rounds_towards_zero_and_the_remainder_follows_the_left(left: int, right: int) -> None:
    """quotient * right + remainder = left, with the remainder's sign the left one's."""
    remainder = arithmetic("%", left, right)
    if (left, right) != (LEAST, -1):
        assert left == arithmetic("/", left, right) * right + remainder
    assert abs(remainder) < abs(right)
    assert remainder * left >= 0


@given(st.sampled_from("+-*"), INTEGERS, INTEGERS)
def test_arithmetic_stays_within_32_bits(operator: str, left: int, right: int) -> None:
    """A sum, difference or product that does not fit is a math error with the nearest Integer."""
    exact = {"+": left + right, "-": left - right, "*": left * right}[operator]
    if LEAST <= exact <= MOST:
        assert exact == arithmetic(operator, left, right)
    else:
        with pytest.raises(Fault) as fault:
            arithmetic(operator, left, right)
        assert (fault.value.kind, fault.value.value) == ("math", MOST if exact > 0 else LEAST)


def test_the_least_integer_has_no_opposite() -> None:
    """Its magnitude is the greatest Integer, with a math error."""
    assert [negate("-5"), negate(5), absolute(-5)] == [5, -5, 5]
    for operate in (negate, absolute, lambda number: arithmetic("/", number, -1)):
        with pytest.raises(Fault) as fault:
            operate(LEAST)
        assert (fault.value.kind, fault.value.value) == ("math", MOST)


@pytest.mark.parametrize("operator", ["/", "%"])
def test_division_by_zero_is_a_math_error(operator: str) -> None:
    """The value is the zero value."""
    with pytest.raises(Fault, match="divided by zero") as fault:
        arithmetic(operator, 5, 0)
    assert (fault.value.kind, fault.value.value) == ("math", None)


def test_attributes_keep_their_type_but_binary_is_base64_text() -> None:
    """Integers and Booleans are types of the language; a missing attribute is an error."""
    some = event(number=5, flag=True, data1=b"\xff\x00", word="x")
    assert [attribute(some, name) for name in ("number", "flag", "data1", "word")] == [5, True, "/wA=", "x"]
    with pytest.raises(Fault, match="no attribute nowhere"):
        attribute(some, "nowhere")
