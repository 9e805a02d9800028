"""The breaker's states: what opens it, what closes it, and that it lets one attempt through per pause."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.breaker import Breaker, is_failure


def opened(failures_max: int = 3, pause_s: float = 10.0) -> Breaker:
    """A breaker that opened at second 0."""
    breaker = Breaker(failures_max, pause_s)
    for _ in range(failures_max):
        breaker.record_failure(0.0)
    return breaker


@pytest.mark.parametrize("status", [None, 408, 429, 500, 502, 503, 504, 599])
def test_what_speaks_against_the_sink_is_a_failure(status: int | None) -> None:
    """No answer, or one that asks for less."""
    assert is_failure(status)


@pytest.mark.parametrize("status", [200, 202, 301, 400, 401, 404, 409, 413, 425])
def test_an_answer_of_a_living_sink_is_no_failure(status: int) -> None:
    """Also where the event itself is refused."""
    assert not is_failure(status)


def test_a_closed_breaker_lets_everything_through() -> None:
    """It costs nothing while all is well."""
    breaker = Breaker(3, 10.0)
    assert ("closed", True, 0) == (breaker.state, breaker.is_closed, breaker.failures)
    assert (True, 0.0) == (breaker.may_send(0.0), breaker.next_probe_s(0.0))


def test_consecutive_failures_open_it() -> None:
    """The third of three, and not the second."""
    breaker = Breaker(3, 10.0)
    breaker.record_failure(0.0)
    breaker.record_failure(1.0)
    assert (True, "closed", 2) == (breaker.is_closed, breaker.state, breaker.failures)
    breaker.record_failure(2.0)
    assert (False, "open", 3) == (breaker.is_closed, breaker.state, breaker.failures)
    assert (False, 10.0) == (breaker.may_send(2.0), breaker.next_probe_s(2.0))


def test_a_success_in_between_starts_the_count_anew() -> None:
    """Only consecutive failures count."""
    breaker = Breaker(2, 10.0)
    for _ in range(5):
        breaker.record_failure(0.0)
        breaker.record_success()
    assert (True, 0) == (breaker.is_closed, breaker.failures)


def test_after_the_pause_one_attempt_is_the_probe() -> None:
    """The first to ask; everyone else waits for its outcome."""
    breaker = opened()
    assert (False, 0.5) == (breaker.may_send(9.5), breaker.next_probe_s(9.5))
    assert 0.0 == breaker.next_probe_s(11.0)
    assert [True, False, False] == [breaker.may_send(second) for second in (10.0, 10.0, 1000.0)]
    assert ("half-open", False, 10.0) == (breaker.state, breaker.is_closed, breaker.next_probe_s(10.0))


def test_a_probe_that_succeeds_closes_it() -> None:
    """And the count begins anew."""
    breaker = opened()
    assert breaker.may_send(10.0)
    breaker.record_success()
    assert ("closed", True, 0) == (breaker.state, breaker.is_closed, breaker.failures)


def test_a_probe_that_fails_opens_it_for_another_pause() -> None:
    """Counted from the end of the probe."""
    breaker = opened()
    assert breaker.may_send(10.0)
    breaker.record_failure(15.0)
    assert ("open", 10.0) == (breaker.state, breaker.next_probe_s(15.0))
    assert [False, True] == [breaker.may_send(second) for second in (24.9, 25.0)]


def test_failures_of_attempts_on_their_way_do_not_lengthen_the_pause() -> None:
    """A hundred timeouts in flight must not push the probe away."""
    breaker = opened()
    breaker.record_failure(9.0)
    assert 1.0 == breaker.next_probe_s(9.0)


def test_the_success_of_an_attempt_on_its_way_closes_it() -> None:
    """An answer is an answer, probe or not."""
    breaker = opened()
    breaker.record_success()
    assert ("closed", True) == (breaker.state, breaker.may_send(0.0))


def test_a_half_open_breaker_of_many_failures_allowed_opens_at_one() -> None:
    """A success before the probe's failure resets the count; the probe alone decides all the same."""
    breaker = opened(failures_max=2)
    assert breaker.may_send(10.0)
    breaker.failures = 0
    breaker.record_failure(11.0)
    assert "open" == breaker.state


def test_one_that_was_open_before_is_open_for_a_pause_again() -> None:
    """Whatever time has passed: nobody has asked the sink since."""
    breaker = Breaker(20, 10.0)
    breaker.reopen(25, 100.0)
    assert ("open", False, 25, 10.0) == (
        breaker.state,
        breaker.is_closed,
        breaker.failures,
        breaker.next_probe_s(100.0),
    )
    assert [False, True, False] == [breaker.may_send(second) for second in (109.0, 110.0, 111.0)]
    breaker.record_success()
    assert ("closed", 0) == (breaker.state, breaker.failures)


def test_an_open_one_has_a_failure_to_recover_from() -> None:
    """Or its first success would not be looked at."""
    breaker = Breaker(20, 10.0)
    breaker.reopen(0, 0.0)
    assert 1 == breaker.failures


def test_it_says_what_it_is() -> None:
    """For a debugger's eyes."""
    assert "<Breaker open, 3 failures>" == repr(opened())


@given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from("sfa"), st.floats(0, 5)), max_size=60))
def test_an_open_breaker_lets_one_through_per_pause(failures_max: int, steps: list[tuple[str, float]]) -> None:
    """In any history: while not closed, probes are a pause apart; `is_closed` and `state` never disagree."""
    breaker = Breaker(failures_max, 10.0)
    now_s, streak, last_probe_s = 0.0, 0, None
    for step, passed_s in steps:
        now_s += passed_s
        if step == "s":
            breaker.record_success()
            streak, last_probe_s = 0, None
        elif step == "f":
            breaker.record_failure(now_s)
            streak += 1
        elif breaker.may_send(now_s) and not breaker.is_closed:
            assert last_probe_s is None or now_s - last_probe_s >= 10.0
            last_probe_s = now_s
        assert (breaker.state == "closed") == breaker.is_closed == (streak < failures_max)
        assert breaker.next_probe_s(now_s) >= 0.0
