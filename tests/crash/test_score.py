"""What the page says of a run."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.crash.score import Chapter, Score
from tests.crash.stage import Stop
from tests.ledger.verdict import Place, Verdict

STOPS = (Stop("kill", 64), Stop("cut", 128), Stop("kill", 64))


def a_verdict(**changes: Any) -> Verdict:
    return Verdict(**{"sent": 1000, "stored": 990, "unknown": 10, "delivered": 1980, **changes})


def repeating(counts: Mapping[int, int]) -> Verdict:
    """Duplicates by the number of the stop."""
    return a_verdict(duplicates=sum(counts.values()), duplicates_by_stop=counts)


def a_chapter(verdict: Verdict, *, seed: int = 1, complaints: tuple[str, ...] = ()) -> Chapter:
    return Chapter(
        seed=seed,
        kills=10,
        duration_s=12.0,
        verdict=verdict,
        ready_s=[0.4, 0.5, 0.9],
        faults=Counter({"kill": 10}),
        stops=STOPS,
        complaints=complaints,
    )


def a_score(*chapters: Chapter, has_bounds: bool = False) -> Score:
    return Score(
        title="Journal",
        introduction="\nOne server.\n",
        chapters=chapters,
        machine="a machine",
        date="2026-11-21",
        command="make crash N=20",
        has_bounds=has_bounds,
    )


def test_the_section_adds_up_all_seeds() -> None:
    section = a_score(a_chapter(a_verdict()), a_chapter(a_verdict(), seed=2)).section
    for row in (
        "One server.",
        "| kills | 20 |",
        "| stops in all | 6 |",
        "| seeds | 1, 2 |",
        "| events acknowledged | 1,980 |",
        "| deliveries | 3,960 |",
        "| **lost** | **0** |",
        "| time to ready, median | 0.50 s |",
        "| time to ready, at most | 0.90 s |",
        "| kill | 20 |",
        "2026-11-21. a machine. Repeat it: `make crash N=20`.",
    ):
        assert row in section.splitlines()


def test_duplicates_are_told_by_stop() -> None:
    """Three stops, of which two caused any."""
    section = a_score(a_chapter(repeating({0: 20, 1: 10}))).section
    assert "| duplicates after a stop | 30 |" in section
    assert "| of one stop, on average | 10.0 |" in section
    assert "| of one stop, at most | 20 (bound: 128) |" in section


def test_each_kind_of_stop_has_a_bound_where_they_differ() -> None:
    section = a_score(a_chapter(repeating({0: 20, 1: 10, 2: 5})), has_bounds=True).section
    assert "| stop | how often | duplicates | of one, at most | bounds of one |\n|---|---|---|---|---|" in section
    assert "| kill | 2 | 25 | 20 | 64 |" in section
    assert "| cut | 1 | 10 | 10 | 128 |" in section


def test_a_score_is_clean_while_nothing_is_found() -> None:
    assert a_score(a_chapter(a_verdict())).is_clean
    lost = a_score(a_chapter(a_verdict(lost=[Place("exact", 1, 2)])))
    assert not lost.is_clean
    assert "| **lost** | **1** |" in lost.section
    assert "| found | 1 lost: 1.2 at exact |" in lost.section
    assert not a_score(a_chapter(a_verdict(), complaints=("it ended with 1",))).is_clean


def test_a_finding_is_one_row_whatever_it_quotes() -> None:
    section = a_score(a_chapter(a_verdict(), complaints=(f"it said:\nno\n{'x' * 1000}",) * 2)).section
    (row,) = [line for line in section.splitlines() if line.startswith("| found |")]
    assert row.startswith("| found | it said: no xxx")
    assert len(row) < 350


def test_more_duplicates_than_were_in_flight_are_a_fault() -> None:
    """Each stop by its own bound."""
    assert a_score(a_chapter(repeating({0: 64, 1: 128}))).is_clean
    beyond = a_score(a_chapter(repeating({2: 65})))
    assert not beyond.is_clean
    assert "| found | 65 duplicates after kill, which may have 64 |" in beyond.section
