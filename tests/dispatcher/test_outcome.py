"""Every verdict: which outcomes are delivered, tried again, dead-lettered or kept, by policy and attempt."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.event import Event
from dispatcher.outcome import (
    DONE,
    IGNORED,
    DeadLetter,
    Done,
    Exhausted,
    Outcome,
    Retry,
    Verdict,
    decide,
    error_attributes,
    give_up,
    is_taken,
)
from dispatcher.retry import SPREAD_MAX, SPREAD_MIN, Policy, is_retried

BINARY = {
    b"ce-specversion": b"1.0",
    b"ce-id": b"1",
    b"ce-source": b"/s",
    b"ce-type": b"t",
    b"content-type": b"text/plain",
}
STRUCTURED = {b"content-type": b"application/cloudevents+json; charset=utf-8"}
BATCH = {b"content-type": b"application/cloudevents-batch+json"}
TEXT = b'{"specversion":"1.0","id":"1","source":"/s","type":"t"}'
TWICE = Policy(retry=2, backoff_delay_s=1.0)


def outcome(
    status: int | None,
    headers: dict[bytes, bytes] | None = None,
    body: bytes = b"",
    *,
    error: str | None = None,
    is_truncated: bool = False,
) -> Outcome:
    return Outcome(status, headers or {}, body, error, 0.1, is_truncated)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_plain_answer_is_done_without_an_object_made(status: int) -> None:
    """Compared by identity: the hot path."""
    assert decide(outcome(status), 1, Policy()) is DONE


@pytest.mark.parametrize(
    ("headers", "body"),
    [(BINARY, b"hello"), (BINARY, b""), (STRUCTURED, TEXT)],
    ids=["binary", "no data", "structured"],
)
def test_a_cloudevent_in_the_answer_is_the_reply(headers: dict[bytes, bytes], body: bytes) -> None:
    """In both modes, and in a 202 as well."""
    verdict = decide(outcome(202, headers, body), 1, Policy())
    assert isinstance(verdict, Done)
    assert isinstance(verdict.reply, Event)
    assert ("1", "/s", "t", False) == (verdict.reply.id, verdict.reply.source, verdict.reply.type, verdict.ignored)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"OK"),
        ({b"content-type": b"application/json"}, b"{}"),
        ({b"ce-specversion": b"2.0"}, b"OK"),
        (STRUCTURED, b"no json"),
        (BINARY | {b"ce-id": b" "}, b"hello"),
        (BINARY | {b"content-encoding": b"gzip"}, b"hello"),
        (BATCH, b"[" + TEXT + b"]"),
    ],
)
def test_anything_else_in_the_answer_is_ignored(headers: dict[bytes, bytes], body: bytes) -> None:
    """Delivered all the same: no retry, and no failure of the sink."""
    assert decide(outcome(200, headers, body), 1, TWICE) is IGNORED


@pytest.mark.parametrize("headers", [BINARY, STRUCTURED])
@pytest.mark.parametrize(
    ("has_sink", "expected"), [(True, DeadLetter("replytoolarge")), (False, Exhausted("replytoolarge"))]
)
def test_a_reply_over_the_bound_fails_for_good(headers: dict[bytes, bytes], has_sink: bool, expected: Verdict) -> None:
    """Asking again would bring the same reply."""
    policy = Policy(retry=5, has_dead_letter_sink=has_sink)
    assert expected == decide(outcome(200, headers, b"x" * 9, is_truncated=True), 1, policy)


@pytest.mark.parametrize("headers", [BINARY, STRUCTURED])
@pytest.mark.parametrize("is_truncated", [False, True])
def test_a_reply_that_nobody_wants_is_ignored(headers: dict[bytes, bytes], is_truncated: bool) -> None:
    """However large, and counted like any other body; an empty answer is none."""
    policy = Policy(wants_reply=False)
    assert decide(outcome(200, headers, TEXT, is_truncated=is_truncated), 1, policy) is IGNORED
    assert decide(outcome(200), 1, policy) is DONE


@pytest.mark.parametrize("headers", [{}, BATCH, {b"content-type": b"text/html"}])
def test_another_body_over_the_bound_is_ignored(headers: dict[bytes, bytes]) -> None:
    """Nobody would have read it."""
    assert decide(outcome(200, headers, b"x" * 9, is_truncated=True), 1, Policy()) is IGNORED


@pytest.mark.parametrize("status", [None, 404, 408, 409, 425, 429, 500, 503])
def test_what_may_pass_is_tried_again_while_attempts_are_left(status: int | None) -> None:
    """Two retries are three attempts; then it is the dead letter sink's, or kept."""
    assert [Retry(1.0), Retry(2.0), Exhausted("retriesexhausted")] == [
        decide(outcome(status), n, TWICE) for n in (1, 2, 3)
    ]
    policy = Policy(has_dead_letter_sink=True)
    assert DeadLetter("retriesexhausted") == decide(outcome(status), 1, policy)


@pytest.mark.parametrize("status", [100, 301, 307, 400, 401, 413, 422])
@pytest.mark.parametrize(("has_sink", "expected"), [(True, DeadLetter("refused")), (False, Exhausted("refused"))])
def test_what_will_not_pass_is_refused_at_once(status: int, has_sink: bool, expected: Verdict) -> None:
    """Whatever attempts are left."""
    assert expected == decide(outcome(status), 1, Policy(retry=5, has_dead_letter_sink=has_sink))


def test_an_answer_that_broke_off_counts_by_what_is_known_of_it() -> None:
    """A 2xx without its body may have held a reply, so it is none; a refusal is one without its body, too."""
    assert Retry(1.0) == decide(outcome(200, error="the connection was closed"), 1, TWICE)
    assert Exhausted("retriesexhausted") == decide(outcome(200, error="the connection was closed"), 3, TWICE)
    assert Exhausted("refused") == decide(outcome(400, error="the connection was closed"), 1, TWICE)


@pytest.mark.parametrize(
    ("status", "header", "retry_after_max_s", "expected_s"),
    [
        (429, b"10", None, 10.0),
        (503, b"10", None, 10.0),
        (503, b"Thu, 01 Jan 1970 00:01:50 GMT", None, 10.0),
        (503, b"10", 4.0, 4.0),
        (503, b"10", 0.0, 1.0),
        (503, b"999999", None, 60.0),
        (503, b"0", None, 1.0),
        (503, b"soon", None, 1.0),
        (500, b"10", None, 1.0),
        (404, b"10", None, 1.0),
    ],
)
def test_a_busy_sink_says_how_long(
    status: int, header: bytes, retry_after_max_s: float | None, expected_s: float
) -> None:
    """The longer of the two waits, on 429 and 503 alone; capped by `retry_after_max_s`, where 0 is never."""
    policy = Policy(retry=1, backoff_delay_s=1.0, backoff_max_s=60.0, retry_after_max_s=retry_after_max_s)
    assert Retry(expected_s) == decide(outcome(status, {b"retry-after": header}), 1, policy, now_s=100.0)


@given(st.floats(SPREAD_MIN, SPREAD_MAX), st.integers(0, 100))
def test_jitter_never_goes_below_what_was_asked_for(spread: float, asked_s: int) -> None:
    """A sink that asks for ten seconds gets ten."""
    verdict = decide(outcome(503, {b"retry-after": str(asked_s).encode()}), 1, TWICE, spread=spread)
    assert isinstance(verdict, Retry)
    assert verdict.after_s >= asked_s


header_values = st.sampled_from([*BINARY.items(), *STRUCTURED.items(), *BATCH.items(), (b"retry-after", b"7")])
outcomes = st.builds(
    Outcome,
    status=st.none() | st.integers(100, 599),
    headers=st.lists(header_values | st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=9).map(dict),
    body=st.sampled_from([b"", TEXT, b"[" + TEXT + b"]", b"hello"]) | st.binary(max_size=20),
    error=st.none() | st.just("reset"),
    latency_s=st.just(0.1),
    is_truncated=st.booleans(),
)
policies = st.builds(
    Policy,
    retry=st.integers(0, 5),
    backoff_policy=st.sampled_from(["linear", "exponential"]),
    backoff_delay_s=st.floats(0, 100),
    backoff_max_s=st.floats(0, 1000),
    retry_after_max_s=st.none() | st.floats(0, 1000),
    has_dead_letter_sink=st.booleans(),
    wants_reply=st.booleans(),
)
attempts = st.integers(1, 8)


@given(outcomes, attempts, policies, st.floats(SPREAD_MIN, SPREAD_MAX))
def test_every_outcome_has_one_verdict(came: Outcome, attempt: int, policy: Policy, spread: float) -> None:
    """Never raises. Each verdict only where the table allows it."""
    verdict = decide(came, attempt, policy, spread=spread, now_s=1e9)
    is_answer = came.status is not None and 200 <= came.status < 300 and came.error is None
    assert is_answer == is_taken(came)
    match verdict:
        case Done():
            assert is_answer
            assert not (verdict.ignored and verdict.reply)
            assert policy.wants_reply or verdict.reply is None
        case Retry(after_s):
            assert not is_answer
            assert attempt <= policy.retry
            assert 0.0 <= after_s <= max(policy.backoff_max_s, policy.retry_after_max_s or 0.0)
        case DeadLetter(reason) | Exhausted(reason):
            assert policy.has_dead_letter_sink == isinstance(verdict, DeadLetter)
            expected = "replytoolarge" if is_answer else "retriesexhausted"
            is_refused = not is_answer and not (is_retried(came.status) or 200 <= (came.status or 0) < 300)
            assert ("refused" if is_refused else expected) == reason


@given(outcomes, attempts, policies)
def test_once_given_up_always_given_up(came: Outcome, attempt: int, policy: Policy) -> None:
    """A later attempt with the same outcome is never tried again where an earlier one was not; waits never shrink."""
    earlier, later = decide(came, attempt, policy), decide(came, attempt + 1, policy)
    if isinstance(later, Retry):
        assert isinstance(earlier, Retry)
        assert earlier.after_s <= later.after_s


@given(outcomes, attempts, policies)
def test_the_decision_depends_on_its_arguments_alone(came: Outcome, attempt: int, policy: Policy) -> None:
    """Pure: asked twice, it says the same."""
    assert decide(came, attempt, policy) == decide(came, attempt, policy)


def test_the_lanes_own_reasons_have_the_same_two_ends() -> None:
    """A full backlog, a loop: to the dead letter sink where there is one."""
    assert DeadLetter("backlogfull") == give_up("backlogfull", Policy(has_dead_letter_sink=True))
    assert Exhausted("ttlexhausted") == give_up("ttlexhausted", Policy())


def test_error_attributes_say_where_and_what() -> None:
    """The status, and the first 1024 bytes of the answer."""
    expected = {
        "knativeerrordest": "http://sink/x",
        "knativeerrorcode": 503,
        "knativeerrordata": base64.b64encode(b"x" * 1024).decode(),
    }
    assert expected == error_attributes(outcome(503, {}, b"x" * 2000), "http://sink/x")


def test_without_an_answer_the_errors_words_are_the_data() -> None:
    """And an older code goes away, for there was none this time."""
    event = Event.from_attributes({"id": "1", "source": "/s", "type": "t", "knativeerrorcode": 500})
    attributes = event.with_attributes(
        error_attributes(outcome(None, error="refused \udcff"), "http://sink")
    ).attributes
    assert "knativeerrorcode" not in attributes
    assert b"refused ?" == base64.b64decode(str(attributes["knativeerrordata"]))


def test_without_any_words_there_is_no_data() -> None:
    """An attribute is never empty."""
    assert error_attributes(outcome(500), "http://sink")["knativeerrordata"] is None
