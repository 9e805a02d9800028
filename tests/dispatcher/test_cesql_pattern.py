r"""LIKE: `%`, `_`, their escapes, and no pattern that takes forever."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.cesql_pattern import code, matcher

PATTERNS = st.text(alphabet="ab%_\\\n.*", max_size=8)
SUBJECTS = st.text(alphabet="ab%_\\\n.*", max_size=8)


def by_expression(pattern: str, text: str) -> bool:
    """The pattern as one regular expression: plain to see, and slow for some patterns."""
    parts = re.findall(r"\\[%_]|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.fullmatch("".join(wild.get(one) or re.escape(one[-1:]) for one in parts), text, re.DOTALL) is not None


@given(PATTERNS, SUBJECTS)
def test_a_pattern_matches_what_its_expression_matches(pattern: str, text: str) -> None:
    """Going from stretch to stretch without ever going back finds the same as backtracking does."""
    assert by_expression(pattern, text) == matcher(pattern)(text)


@given(PATTERNS, SUBJECTS)
def test_code_and_matcher_agree(pattern: str, text: str) -> None:
    """Where string methods suffice, they mean the same."""
    written = code(pattern, "subject")
    if written is not None:
        assert matcher(pattern)(text) == eval(written, {"subject": text})


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("", "s == ''"),
        ("ab", "s == 'ab'"),
        (r"a\%\_b\c", r"s == 'a%_b\\c'"),
        ("%", "True"),
        ("%%", "True"),
        ("/shop%", "s.startswith('/shop')"),
        ("%.ca", "s.endswith('.ca')"),
        ("a%b", "len(s) >= 2 and s.startswith('a') and s.endswith('b')"),
        ("%a%%", "'a' in s"),
        ("a_", None),
        ("a%b%c", None),
    ],
)
def test_common_patterns_are_string_methods(pattern: str, written: str | None) -> None:
    """Whatever the pattern holds enters the code as a literal."""
    assert written == code(pattern, "s")


def test_a_hostile_pattern_takes_no_longer_than_text_times_pattern() -> None:
    """A backtracking matcher would not come back from this one."""
    assert not matcher("%a_" * 60 + "%b")("a" * 10_000)
