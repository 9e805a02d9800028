"""The server's counters against each other, and against the sinks."""

from typing import Any

from tests.ledger.conservation import disagreements, imbalances, lanes, waiting


def a_lane(**changes: int) -> dict[str, Any]:
    counters = {"waiting": 3, "inFlight": 2, "delivered": 10, "deadLettered": 4, "dropped": 1}
    return {"matched": 19, "redriven": 1, **counters, **changes}


def test_a_balanced_lane_is_no_finding() -> None:
    assert [] == imbalances({"t": a_lane()})


def test_one_event_too_few_or_too_many_is_found() -> None:
    for name in ("matched", "redriven", "waiting", "inFlight", "delivered", "deadLettered", "dropped"):
        for step in (-1, 1):
            (found,) = imbalances({"good": a_lane(), "t": a_lane(**{name: a_lane()[name] + step})})
            assert found.startswith("t: ")


def test_what_waits_is_what_is_not_settled() -> None:
    assert 5 == waiting(a_lane())


def test_a_trigger_that_is_not_served_has_no_lane() -> None:
    answer = {"items": [{"name": "t", "lane": a_lane()}, {"name": "lame", "lane": None}]}
    assert {"t": a_lane()} == lanes(answer)


def test_a_counter_that_is_not_what_the_sink_saw_is_found() -> None:
    found = {"t": a_lane(), "u": a_lane()}
    expected = ["u: 10 delivered by its counter, 11 by its sink, which 0 repeats do not explain"]
    assert expected == disagreements(found, {"t": 10, "u": 11}, {})


def test_a_counter_may_differ_by_what_was_repeated() -> None:
    """An event whose acknowledgement a crash undid is counted again."""
    for count in (8, 12):
        assert [] == disagreements({"t": a_lane()}, {"t": count}, {"t": 2})
        assert 1 == len(disagreements({"t": a_lane()}, {"t": count}, {"t": 1}))
