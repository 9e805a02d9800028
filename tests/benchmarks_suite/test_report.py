"""The arithmetic of the benchmark's report, and of one sample."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.report import BEGIN, END, NEW_PAGE, Must, Row, notes, per_further, said, spliced, table
from tests.benchmarks.sample import Sample, together

COSTS = st.lists(st.floats(min_value=0.1, max_value=1e4), min_size=1, max_size=9)


def a_sample(**changes: float) -> Sample:
    plain = {"accepted": 100, "delivered": 400, "missing": 0, "refused": 0, "broken": 0, "miscounted": 0}
    rest = {"throughput_per_s": 1.0, "busy": 1.0, "rss_peak_bytes": 1, "answer_p50_ms": 1.0, "answer_p99_ms": 1.0}
    return Sample(**{"cpu_s": 0.01, **plain, **rest, **changes})  # type: ignore[arg-type]


def a_row(*repetitions: dict[str, float], musts: tuple[Must, ...] = ()) -> Row:
    return Row("memory", "in memory", musts, list(repetitions))


def test_a_sample_divides_the_cpu_by_deliveries_and_by_events() -> None:
    """10 ms for 100 events with 400 deliveries: 25 us per delivery, 100 us per event."""
    sample = a_sample()
    assert sample.us_per_delivered == pytest.approx(25)
    assert sample.us_per_event == pytest.approx(100)


def test_the_servers_cpu_is_told_apart() -> None:
    """4 ms of Redis or Kafka for 400 deliveries: 10 us each, and none of them ours."""
    sample = a_sample(server_cpu_s=0.004)
    assert sample.server_us_per_delivered == pytest.approx(10)
    assert sample.us_per_delivered == pytest.approx(25)


def test_a_flawless_sample_has_no_remarks() -> None:
    assert a_sample().remarks == ""


def test_a_core_that_was_not_busy_is_told() -> None:
    """A throughput is the subject's own limit only where its core was."""
    assert a_sample(busy=0.5).remarks == "its core only 50% busy: it waited for the load, or for a disk"


def test_refused_and_missing_events_are_told() -> None:
    """A 503 under overload must be visible, and an accepted event that never came even more so."""
    assert a_sample(refused=1200, missing=3).remarks == "1,200 refused, 3 accepted and not delivered"


@given(COSTS)
def test_the_median_lies_within_the_spread(costs: list[float]) -> None:
    """The median never leaves the least and the greatest."""
    row = a_row(*({"us": cost} for cost in costs))
    least, greatest = row.spreads["us"]
    assert least <= row.medians["us"] <= greatest
    assert (least, greatest) == (min(costs), max(costs))


@given(COSTS)
def test_the_order_of_repetitions_does_not_matter(costs: list[float]) -> None:
    """Reversed repetitions have the same medians."""
    forth, back = ([{"us": cost} for cost in order] for order in (costs, costs[::-1]))
    assert a_row(*forth).medians == a_row(*back).medians


def test_each_figure_has_its_own_median() -> None:
    """A ratio's median is that of the ratios, not the ratio of medians."""
    row = a_row({"us": 20, "n": 2.0}, {"us": 30, "n": 1.5}, {"us": 40, "n": 4.0})
    assert row.medians == {"us": 30, "n": 2.0}


@pytest.mark.parametrize(
    ("must", "value", "expected"),
    [
        (Must("n", 2.0), 2.0, True),
        (Must("n", 2.0), 2.01, False),
        (Must("share", 0.95, at_least=True), 0.95, True),
        (Must("share", 0.95, at_least=True), 0.94, False),
    ],
)
def test_a_bound_itself_keeps_the_promise(must: Must, value: float, expected: bool) -> None:
    assert must.is_met(value) is expected


def test_a_row_is_met_only_if_every_promise_is() -> None:
    musts = (Must("n", 2.0), Must("classic", 1 / 6))
    assert a_row({"n": 1.9, "classic": 0.1}, musts=musts).verdict == "met"
    assert a_row({"n": 1.9, "classic": 0.2}, musts=musts).verdict == "missed"


def test_no_promise_is_met_where_accepted_events_are_missing() -> None:
    """Losing work is cheap: a cost per event means nothing then."""
    row = a_row({"n": 1.0}, musts=(Must("n", 2.0),))
    assert row.verdict == "met"
    row.missing = 1
    assert row.verdict == "missed"


def test_a_row_without_promises_has_no_verdict() -> None:
    assert a_row({"us": 1.0}).verdict == ""


def test_a_promised_figure_that_was_not_measured_is_no_success() -> None:
    """What could not run is neither met nor missed, also where a part of it ran."""
    assert a_row({"us": 1.0}, musts=(Must("n", 2.0),)).verdict == "could not run"
    assert Row("memory", "in memory", failure="no server").verdict == "could not run"


def test_a_promise_reads_with_its_unit() -> None:
    assert [str(Must("n", 2.0)), str(Must("share", 0.95, at_least=True))] == ["≤ 2.00 N", "≥ 95.0%"]
    assert str(Must("p99_ms", 8)) == "p99 ≤ 8.00 ms"


def test_each_further_match_is_the_slope() -> None:
    """20 us with one, 50 us with four: 10 us for each of the three others."""
    assert per_further(20, 50, 3) == 10


def test_the_table_has_a_line_per_row_and_equal_columns() -> None:
    """Head, rule, rows; every line has as many bars, at the same places."""
    rows = [a_row({"us": 20.0, "n": 1.6}, musts=(Must("n", 2.0),)), Row("start", "start", failure="no server")]
    lines = table(rows).splitlines()
    assert len(lines) == 4
    assert len({tuple(bar.start() for bar in re.finditer(r"\|", line)) for line in lines}) == 1
    assert re.split(r" *\| *", lines[2])[1:-1] == [
        "in memory", "20.0", "1.60", "", "", "≤ 2.00 N", "met", "1.60 N to 1.60 N",
    ]  # fmt: skip


def test_a_failure_and_each_remark_are_noted() -> None:
    row = Row("asgi", "raw ASGI", failure="no server", remarks=["5 refused"])
    assert notes([a_row({"us": 1.0}), row]) == ["asgi: no server", "asgi: 5 refused"]


@given(st.text().filter(lambda text: BEGIN not in text and END not in text))
def test_splicing_twice_is_splicing_once(text: str) -> None:
    """Only what stands between the markers changes."""
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = spliced(page, text)
    assert spliced(once, text) == once
    assert once.startswith(f"before\n{BEGIN}\n")
    assert once.endswith(f"\n{END}\nafter\n")


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END} {BEGIN}"])
def test_a_page_without_both_markers_in_order_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="the page needs the lines"):
        spliced(page, "text")


def test_figures_are_said_with_their_units() -> None:
    assert [said("us", 18.04), said("p99_ms", 3.1), said("rss_growth_mb", 7)] == ["18.0 us", "p99 3.10 ms", "RSS +7 MB"]
    assert [said("of_nats", 3), said("of_nginx", 0.351)] == ["3.00 x NATS", "35.1% of nginx"]


def test_windows_together_are_one_longer_window() -> None:
    """Sums of what is counted, the mean of rates, the peak of memory."""
    one = a_sample()
    other = replace(one, delivered=one.delivered * 2, throughput_per_s=one.throughput_per_s * 3)
    both = together((one, replace(other, rss_peak_bytes=one.rss_peak_bytes + 1)))
    assert both.delivered == one.delivered * 3
    assert both.us_per_delivered == pytest.approx(one.us_per_delivered * 2 / 3)
    assert both.throughput_per_s == one.throughput_per_s * 2
    assert both.rss_peak_bytes == one.rss_peak_bytes + 1


def test_the_page_says_what_a_new_one_would() -> None:
    """Before its figures."""
    page = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text()
    assert page.partition(BEGIN)[0] == NEW_PAGE.partition(BEGIN)[0]
