"""The functions of CESQL, on characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.cesql_function import FUNCTIONS, arities, find, resolve
from dispatcher.cesql_runtime import Fault
from dispatcher.cesql_syntax import Value


def call(name: str, *arguments: Value) -> Value:
    return resolve(name, len(arguments))(*arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("LENGTH", ("nö😀",), 3),
        ("LENGTH", (True,), 4),
        ("CONCAT", (), ""),
        ("CONCAT", ("a", 1, True), "a1true"),
        ("CONCAT_WS", (",",), ""),
        ("CONCAT_WS", (",", "a"), "a"),
        ("CONCAT_WS", (", ", "a", 2, "c"), "a, 2, c"),
        ("LOWER", ("ÀB",), "àb"),
        ("UPPER", ("àb",), "ÀB"),
        ("TRIM", ("\u3000\t a b \x85\n",), "a b"),
        ("TRIM", ("\x1ca\x1f",), "\x1ca\x1f"),
        ("LEFT", ("😀bc", 2), "😀b"),
        ("LEFT", ("abc", 10), "abc"),
        ("LEFT", ("abc", 0), ""),
        ("RIGHT", ("ab😀", "2"), "b😀"),
        ("RIGHT", ("abc", 10), "abc"),
        ("RIGHT", ("abc", 0), ""),
        ("SUBSTRING", ("ünïcode", 2), "nïcode"),
        ("SUBSTRING", ("abc", 0), ""),
        ("SUBSTRING", ("abc", -2), "bc"),
        ("SUBSTRING", ("abcdef", -5, 3), "bcd"),
        ("SUBSTRING", ("abc", 2, 99), "bc"),
        ("SUBSTRING", ("abc", 2, 0), ""),
        ("ABS", ("-5",), 5),
        ("INT", ("-5",), -5),
        ("BOOL", (100,), True),
        ("STRING", (-1,), "-1"),
        ("IS_INT", ("5",), True),
        ("IS_INT", ("x",), False),
        ("IS_BOOL", ("x",), False),
        ("IS_BOOL", ("FALSE",), True),
    ],
)
def test_a_function_yields_its_value(name: str, arguments: tuple[Value, ...], value: Value) -> None:
    """Arguments are cast to what the function takes."""
    assert (value, type(value)) == (call(name, *arguments), type(call(name, *arguments)))


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "value"),
    [
        ("LEFT", ("abc", -2), "functionEvaluation", "abc"),
        ("RIGHT", ("abc", -2), "functionEvaluation", "abc"),
        ("SUBSTRING", ("abc", 4), "functionEvaluation", None),
        ("SUBSTRING", ("abc", -4, 1), "functionEvaluation", None),
        ("SUBSTRING", ("abc", 1, -1), "functionEvaluation", None),
        ("ABS", (-(2**31),), "math", 2**31 - 1),
        ("LEFT", ("abc", "x"), "cast", None),
        ("INT", ("x",), "cast", None),
        ("CONCAT_WS", (), "missingFunction", None),
        ("NOWHERE", (1,), "missingFunction", None),
    ],
)
def test_a_function_fails_with_the_standards_error(
    name: str, arguments: tuple[Value, ...], kind: str, value: Value | None
) -> None:
    """Some failures have a value of their own, others the zero value."""
    with pytest.raises(Fault) as fault:
        call(name, *arguments)
    assert (kind, value) == (fault.value.kind, fault.value.value)


@given(st.text(), st.integers(0, 9))
def test_left_and_right_are_ends_of_the_text(text: str, count: int) -> None:
    """What LEFT leaves away, RIGHT of the rest gives back."""
    left = call("LEFT", text, count)
    assert text == str(left) + str(call("RIGHT", text, len(text) - len(str(left))))


def test_a_function_is_known_by_its_name_and_its_number_of_arguments() -> None:
    """No two functions answer the same call."""
    assert [find("LEFT", 1), find("left", 2)] == [None, None]
    assert [arities(name) for name in ("LEFT", "SUBSTRING", "CONCAT_WS", "NOWHERE")] == [
        "2",
        "2 or 3",
        "1 and more",
        "",
    ]
    for count in range(5):
        called = [function.name for function in FUNCTIONS if function.takes(count)]
        assert sorted(set(called)) == sorted(called)
