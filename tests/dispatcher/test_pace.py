"""The limit in flight: what makes it grow, what cuts it, and that noise does not; and so many a second."""

import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.pace import BEST_PERIOD_S, LATENCY_MIN_S, SAMPLES_MIN, Bucket, Pace, is_congestion


class Drive:
    """A pace, and the counters of the lane that it belongs to."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.done = 0
        self.ended = 0
        self.took_s = 0.0
        self.now_s = 0.0

    def succeed(self, count: int, latency_s: float = 0.001, *, is_limiting: bool = True) -> int:
        """That many successes; the limit after them."""
        for _ in range(count):
            self.done += 1
            self.ended += 1
            self.took_s += latency_s
            self.now_s += latency_s / self.pace.limit
            if self.done >= self.pace.review_at:
                self.pace.review(self.now_s, self.done, self.ended, self.took_s, is_limiting=is_limiting)
        return self.pace.limit

    def fail(self, count: int = 1) -> int:
        for _ in range(count):
            self.ended += 1
            self.pace.cut(self.done, self.ended)
        return self.pace.limit


def started(concurrency_max: int = 64) -> Drive:
    drive = Drive(Pace(1, concurrency_max))
    drive.pace.start_slowly(0)
    return drive


@pytest.mark.parametrize("status", [None, 408, 429, 503, 504])
def test_what_says_that_a_sink_has_too_much_to_do(status: int | None) -> None:
    assert is_congestion(status)


@pytest.mark.parametrize("status", [200, 400, 404, 500, 502])
def test_any_other_failure_is_no_matter_of_pace(status: int) -> None:
    assert not is_congestion(status)


def test_it_begins_with_as_many_as_there_may_be() -> None:
    """A sink of which nothing bad is known is not made to wait."""
    pace = Pace(1, 64)
    assert (64, True, False) == (pace.limit, pace.is_full, pace.is_fixed)


@pytest.mark.parametrize("pace", [Pace(1, 64, fixed=3), Pace(3, 3), Pace(8, 3)])
def test_what_is_fixed_does_not_change(pace: Pace) -> None:
    """A wish, or bounds that leave no choice."""
    drive = Drive(pace)
    drive.fail(100)
    pace.start_slowly(0)
    assert (3, True, sys.maxsize) == (drive.succeed(1000), pace.is_fixed, pace.review_at)


def test_a_slow_start_doubles_with_each_window() -> None:
    """As in RFC 5681: one, two, four, up to the bound."""
    drive = started()
    assert [1, 2, 4, 8, 16, 32, 64, 64] == [
        drive.pace.limit, *(drive.succeed(window) for window in (1, 2, 4, 8, 16, 32, 64))
    ]  # fmt: skip


def test_after_a_cut_it_grows_by_one_for_each_window() -> None:
    drive = Drive(Pace(1, 64))
    assert 32 == drive.fail()
    assert [33, 34, 35] == [drive.succeed(window) for window in (32, 33, 34)]


def test_a_cut_ends_a_slow_start() -> None:
    drive = started()
    drive.succeed(15)
    assert (16, 8, 9) == (drive.pace.limit, drive.fail(), drive.succeed(8))


def test_it_does_not_grow_where_it_holds_nothing_back() -> None:
    """Nothing is known of what the sink would do with more."""
    drive = started()
    assert 1 == drive.succeed(100, is_limiting=False)


def test_it_is_cut_once_for_all_that_was_on_its_way() -> None:
    """A hundred refusals of one moment are one sign."""
    drive = Drive(Pace(1, 64))
    assert (32, 32, 16) == (drive.fail(), drive.fail(63), drive.fail())


def test_it_is_never_below_its_least() -> None:
    drive = Drive(Pace(2, 64))
    assert 2 == drive.fail(10_000)


def test_a_mean_latency_that_doubles_cuts_it() -> None:
    """The queue is in the sink then, and half as many are served as fast."""
    drive = Drive(Pace(1, 64))
    drive.succeed(1000, 0.1)
    assert 64 == drive.pace.limit
    assert 32 <= drive.succeed(450, 0.25) <= 40


def test_it_is_not_cut_again_for_what_less_at_a_time_does_not_mend() -> None:
    """The sink is slower for another reason; half of the requests would be half of the throughput."""
    drive = Drive(Pace(1, 64))
    drive.succeed(1000, 0.1)
    assert 64 == drive.succeed(5000, 0.25)


def test_a_sink_that_does_one_at_a_time_gets_fewer() -> None:
    """Its latency is what the limit makes it, as long as it is remembered what it was with less."""
    drive = started()
    limits = [drive.succeed(20, 0.03 * drive.pace.limit) for _ in range(40)]
    assert (64, True) == (max(limits), limits[-1] <= 48)


def test_a_fast_sink_may_be_noisy() -> None:
    """Below 50 ms nothing is read out of latency: a local sink at full speed keeps its 64 in flight."""
    drive, dice = Drive(Pace(1, 64)), Random(1)
    for _ in range(2000):
        drive.succeed(64, dice.choice((0.0005, 0.001, 0.002, 0.02, LATENCY_MIN_S * 0.9)))
        assert 64 == drive.pace.limit


def test_a_sink_that_has_always_been_slow_is_not_cut() -> None:
    """Ten seconds each time are its way."""
    assert 64 == Drive(Pace(1, 64)).succeed(1000, 10.0)


def test_a_few_slow_ones_are_no_sign() -> None:
    """A mean is that of many."""
    drive = started()
    drive.succeed(SAMPLES_MIN, 0.1)
    limit = drive.pace.limit
    assert limit <= drive.succeed(SAMPLES_MIN // 4, 0.3)


def test_the_best_of_long_ago_is_forgotten() -> None:
    """A sink that has become slower for good is slower for good."""
    drive = Drive(Pace(1, 64))
    drive.succeed(1000, 0.06)
    drive.succeed(200, 0.5)
    drive.now_s += 2 * BEST_PERIOD_S
    drive.succeed(10_000, 0.5)
    drive.now_s += 2 * BEST_PERIOD_S
    assert 64 == drive.succeed(100_000, 0.5)


def test_what_an_earlier_process_counted_says_nothing_about_latency() -> None:
    """Or the first mean would be next to nothing, and every later one twice as long."""
    drive = Drive(Pace(1, 64))
    drive.done = 10**6
    drive.pace.skip(drive.done)
    assert 64 == drive.succeed(10_000, 0.1)


@given(
    st.integers(1, 10),
    st.integers(1, 100),
    st.lists(st.tuples(st.sampled_from("sfr"), st.integers(1, 200), st.floats(0.0, 5.0)), max_size=40),
)
def test_whatever_happens_it_stays_within_its_bounds(
    least: int, most: int, steps: list[tuple[str, int, float]]
) -> None:
    drive = Drive(Pace(least, most))
    for step, count, latency_s in steps:
        if step == "s":
            drive.succeed(count, latency_s)
        elif step == "f":
            drive.fail(count)
        else:
            drive.pace.start_slowly(drive.done)
        assert min(least, most) <= drive.pace.limit <= most
        assert drive.done < drive.pace.review_at or drive.pace.is_fixed


@pytest.mark.parametrize(("rate", "burst"), [(1.0, 1), (8.0, 1), (15.0, 1), (100.0, 10), (1000.0, 100)])
def test_a_bucket_holds_a_tenth_of_a_second_and_one_at_least(rate: float, burst: int) -> None:
    bucket = Bucket(rate)
    begun = 0
    while not bucket.wait_s(5.0):
        bucket.begin(5.0)
        begun += 1
    assert burst - 1 <= begun <= burst


def test_a_bucket_says_when_the_next_one_may_begin() -> None:
    bucket = Bucket(2.0)
    assert 0.0 == bucket.wait_s(0.0)
    bucket.begin(0.0)
    assert pytest.approx([0.5, 0.1, 0.0]) == [bucket.wait_s(second) for second in (0.0, 0.4, 0.5)]


@given(st.floats(0.5, 1000.0), st.lists(st.floats(0.0, 0.5), min_size=1, max_size=200))
def test_a_bucket_lets_no_more_through_than_its_rate_and_one_burst(rate: float, steps: list[float]) -> None:
    bucket, now_s, begun = Bucket(rate), 100.0, 0
    for step_s in steps:
        now_s += step_s
        while not bucket.wait_s(now_s):
            bucket.begin(now_s)
            begun += 1
        assert begun <= rate * (now_s - 100.0) + max(1.0, rate / 10) + 1e-3
