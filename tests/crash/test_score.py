"""What the page says of a run."""

from collections import Counter
from typing import Any

from tests.crash.score import Chapter, Score
from tests.ledger.verdict import Place, Verdict


def a_verdict(**changes: Any) -> Verdict:
    return Verdict(**{"sent": 1000, "stored": 990, "unknown": 10, "delivered": 1980, **changes})


def a_chapter(verdict: Verdict, *, seed: int = 1, complaints: tuple[str, ...] = ()) -> Chapter:
    return Chapter(
        seed=seed,
        kills=10,
        duration_s=12.0,
        verdict=verdict,
        ready_s=[0.4, 0.5, 0.9],
        faults=Counter({"kill": 10}),
        stops=12,
        complaints=complaints,
    )


def a_score(*chapters: Chapter) -> Score:
    return Score(
        chapters=chapters,
        duplicates_bound=64,
        producers=16,
        machine="a machine",
        date="2026-11-21",
        command="make crash N=20",
    )


def test_the_page_adds_up_all_seeds() -> None:
    page = a_score(a_chapter(a_verdict()), a_chapter(a_verdict(), seed=2)).page
    for row in (
        "| kills | 20 |",
        "| seeds | 1, 2 |",
        "| events acknowledged | 1,980 |",
        "| deliveries | 3,960 |",
        "| **lost** | **0** |",
        "| time to ready, median | 0.50 s |",
        "| time to ready, at most | 0.90 s |",
        "| kill | 20 |",
        "2026-11-21. a machine. Repeat it: `make crash N=20`.",
    ):
        assert row in page.splitlines()


def test_duplicates_are_told_by_stop() -> None:
    """Twelve stops, of which two caused any."""
    page = a_score(a_chapter(a_verdict(duplicates=30, duplicates_by_stop={3: 20, 7: 10}))).page
    assert "| duplicates after a stop | 30 |" in page
    assert "| of one stop, on average | 2.5 |" in page
    assert "| of one stop, at most | 20 (bound: 64) |" in page


def test_a_score_is_clean_while_nothing_is_found() -> None:
    assert a_score(a_chapter(a_verdict())).is_clean
    lost = a_score(a_chapter(a_verdict(lost=[Place("exact", 1, 2)])))
    assert not lost.is_clean
    assert "| **lost** | **1** |" in lost.page
    assert "| found | 1 lost: 1.2 at exact |" in lost.page
    assert not a_score(a_chapter(a_verdict(), complaints=("it ended with 1",))).is_clean


def test_more_duplicates_than_were_in_flight_are_a_fault() -> None:
    assert a_score(a_chapter(a_verdict(duplicates=64, duplicates_by_stop={0: 64}))).is_clean
    assert not a_score(a_chapter(a_verdict(duplicates=65, duplicates_by_stop={0: 65}))).is_clean
