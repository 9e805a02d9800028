"""Which answers are tried again, after how long, and what a Retry-After header says."""

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.retry import SPREAD_MAX, SPREAD_MIN, Policy, is_retried, parse_retry_after, wait_s

NOW_S = datetime(1994, 11, 6, 8, 49, 7, tzinfo=UTC).timestamp()
YEAR_S = 366 * 86400.0
delays = st.floats(0, 1e6)
spreads = st.floats(SPREAD_MIN, SPREAD_MAX)
attempts = st.integers(1, 10**6)


def policies() -> st.SearchStrategy[Policy]:
    return st.builds(
        Policy,
        retry=st.integers(0, 20),
        backoff_policy=st.sampled_from(["linear", "exponential"]),
        backoff_delay_s=delays,
        backoff_max_s=delays,
    )


@pytest.mark.parametrize("status", [None, 404, 408, 409, 425, 429, 500, 501, 503, 599, 600, 999])
def test_what_may_pass_is_tried_again(status: int | None) -> None:
    """No answer, five of the 4xx, and whatever the server calls its own fault."""
    assert is_retried(status)


@pytest.mark.parametrize("status", [100, 200, 202, 299, 301, 308, 400, 401, 403, 405, 410, 413, 415, 422, 499])
def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    """Redirects are not followed, and a refusal would be repeated."""
    assert not is_retried(status)


@pytest.mark.parametrize(("attempt", "expected"), [(1, 0.5), (2, 1.0), (3, 1.5), (100, 50.0), (10**6, 3600.0)])
def test_linear_waits_grow_by_the_delay(attempt: int, expected: float) -> None:
    """delay * n."""
    assert expected == wait_s(Policy(backoff_policy="linear", backoff_delay_s=0.5), attempt, 1.0)


@pytest.mark.parametrize(("attempt", "expected"), [(1, 0.5), (2, 1.0), (3, 2.0), (10, 256.0), (10**6, 3600.0)])
def test_exponential_waits_double(attempt: int, expected: float) -> None:
    """delay * 2^(n-1)."""
    assert expected == wait_s(Policy(backoff_delay_s=0.5), attempt, 1.0)


def test_no_delay_is_no_wait_however_many_attempts() -> None:
    """Zero times the largest power of two is still zero."""
    assert 0.0 == wait_s(Policy(backoff_delay_s=0.0), 10**6, 1.2)


@given(policies(), attempts, spreads)
def test_a_wait_is_bounded_and_never_negative(policy: Policy, attempt: int, spread: float) -> None:
    """No attempt number overflows, and jitter does not go over the cap."""
    assert 0.0 <= wait_s(policy, attempt, spread) <= policy.backoff_max_s


@given(policies(), attempts, spreads)
def test_waits_never_shrink(policy: Policy, attempt: int, spread: float) -> None:
    """A later retry waits at least as long, given the same jitter."""
    assert wait_s(policy, attempt, spread) <= wait_s(policy, attempt + 1, spread)


@given(policies(), attempts, spreads)
def test_jitter_stays_within_a_fifth(policy: Policy, attempt: int, spread: float) -> None:
    """0.8 to 1.2 times the computed wait, or the cap."""
    plain_s = wait_s(policy, attempt, 1.0)
    assert SPREAD_MIN * plain_s * 0.999999 <= wait_s(policy, attempt, spread) <= SPREAD_MAX * plain_s * 1.000001


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"120", 120.0),
        ("120", 120.0),
        (b" 7 ", 7.0),
        (b"007", 7.0),
        (b"+3", 3.0),
        (b"0", 0.0),
        (b"-5", 0.0),
        (b"-" + b"9" * 5000, 0.0),
        (b"9" * 5000, YEAR_S),
        (b"0" * 5000 + b"1", 1.0),
        (b"999999999", YEAR_S),
        (b"Sun, 06 Nov 1994 08:49:37 GMT", 30.0),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", 30.0),
        (b"Sun Nov  6 08:49:37 1994", 30.0),
        (b"Sun Nov 16 08:49:07 1994", 864000.0),
        (b"Sun, 06 Nov 1994 08:49:60 GMT", 52.0),
        (b"Sun, 06 Nov 1994 08:49:00 GMT", 0.0),
        (b"Fri, 31 Dec 9999 23:59:59 GMT", YEAR_S),
        (b"Sunday, 06-Nov-44 08:49:37 GMT", YEAR_S),
        (b"Sunday, 06-Nov-45 08:49:37 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: bytes | str, expected: float) -> None:
    """All three forms of a date; two digits of a year are never more than 50 years ahead (RFC 9110 section 5.6.7)."""
    assert expected == parse_retry_after(value, NOW_S)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"soon",
        b"1.5",
        b"1e3",
        b"--1",
        b"0x10",
        "\u0661\u0662",
        b"\xff\xfe",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 1994 08:49:37 CET",
        b"Sun, 06 Nov 1994 24:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:61 GMT",
        b"Wed, 31 Feb 1994 08:49:37 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"Sun, 06 Foo 1994 08:49:37 GMT",
        b"1994-11-06T08:49:37Z",
    ],
)
def test_retry_after_that_is_neither_says_nothing(value: bytes | str) -> None:
    """What cannot be read is not obeyed."""
    assert parse_retry_after(value, NOW_S) is None


@given(st.binary() | st.text(), st.floats(0, 4e9))
def test_retry_after_is_total(value: bytes | str, now_s: float) -> None:
    """Whatever a sink sends: None, or a wait of at most a year."""
    found = parse_retry_after(value, now_s)
    assert found is None or 0.0 <= found <= YEAR_S


@given(st.integers(0, 4 * 10**9), st.integers(0, 10**7))
def test_a_date_is_as_far_as_it_is(now_s: int, ahead_s: int) -> None:
    """The difference to the clock, for every date that another library writes."""
    assert float(ahead_s) == parse_retry_after(formatdate(now_s + ahead_s, usegmt=True), float(now_s))
