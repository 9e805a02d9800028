"""The score of many faults, as a section of a page. Pure."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.crash.stage import Stop
from tests.ledger.verdict import Verdict

_TOLD_MAX: Final = 300
"""Characters of a finding: the last words of a process may be many."""
_STOPS: Final = ("stop", "how often", "duplicates", "of one, at most", "bounds of one")


@dataclass(slots=True)
class Chapter:
    """One seed's run. `complaints` are what must not be, beside the verdict's findings."""

    seed: int
    kills: int
    duration_s: float
    verdict: Verdict
    ready_s: Sequence[float]
    faults: Counter[str] = field(default_factory=Counter)
    stops: Sequence[Stop] = ()
    complaints: Sequence[str] = ()

    @property
    def repeats(self) -> Iterator[tuple[Stop, int]]:
        """Each stop, and the duplicates that it caused."""
        for number, stop in enumerate(self.stops):
            yield stop, self.verdict.duplicates_by_stop.get(number, 0)

    @property
    def faults_found(self) -> list[str]:
        """Everything that makes the run a failure."""
        exceeded = [
            f"{count:,} duplicates after {stop.name}, which may have {stop.duplicates_bound:,}"
            for stop, count in self.repeats
            if count > stop.duplicates_bound
        ]
        return [*self.verdict.findings, *self.complaints, *exceeded]


@dataclass(slots=True)
class Score:
    """All chapters of one backend. Where `has_bounds`, each kind of stop has duplicates and a bound of its own."""

    title: str
    introduction: str
    chapters: Sequence[Chapter]
    machine: str
    date: str
    command: str
    has_bounds: bool = False

    @property
    def is_clean(self) -> bool:
        """Nothing was lost, and nothing else found; duplicates stayed within their bounds."""
        return not any(chapter.faults_found for chapter in self.chapters)

    @property
    def section(self) -> str:
        """Markdown, without its heading."""
        parts = [
            self.introduction,
            table(("what", "how many"), self._rows()),
            "Every round is one fault:",
            table(("fault", "rounds"), self._faults()),
            *(("What came again after what:", table(_STOPS, self._stops())) if self.has_bounds else ()),
            f"{self.date}. {self.machine}. Repeat it: `{self.command}`.",
        ]
        return "\n\n".join(part.strip() for part in parts) + "\n"

    def _faults(self) -> list[tuple[str, str]]:
        counts = sum((chapter.faults for chapter in self.chapters), Counter[str]())
        return [(name, f"{count:,}") for name, count in sorted(counts.items())]

    def _stops(self) -> list[tuple[str, ...]]:
        found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for chapter in self.chapters:
            for stop, count in chapter.repeats:
                found[stop.name].append((count, stop.duplicates_bound))
        return [_stop_row(name, *zip(*pairs, strict=True)) for name, pairs in sorted(found.items())]

    def _rows(self) -> list[tuple[str, str]]:
        verdicts = [chapter.verdict for chapter in self.chapters]
        ready_s = [one for chapter in self.chapters for one in chapter.ready_s]
        repeats = [repeat for chapter in self.chapters for repeat in chapter.repeats]
        counts = [count for _, count in repeats]
        bound = max((stop.duplicates_bound for stop, _ in repeats), default=0)
        found = [words for chapter in self.chapters for words in chapter.faults_found]
        return [
            ("kills", f"{sum(chapter.kills for chapter in self.chapters):,}"),
            ("stops in all", f"{len(repeats):,}"),
            ("seeds", ", ".join(map(str, dict.fromkeys(chapter.seed for chapter in self.chapters)))),
            ("events acknowledged", f"{sum(verdict.stored for verdict in verdicts):,}"),
            ("events refused (503)", f"{sum(verdict.refused for verdict in verdicts):,}"),
            ("events without an answer", f"{sum(verdict.unknown for verdict in verdicts):,}"),
            ("deliveries", f"{sum(verdict.delivered for verdict in verdicts):,}"),
            ("dead-lettered", f"{sum(verdict.dead_lettered for verdict in verdicts):,}"),
            ("**lost**", f"**{sum(len(verdict.lost) for verdict in verdicts):,}**"),
            ("misrouted, altered, or delivered without having been accepted", f"{sum(map(_strays, verdicts)):,}"),
            ("reordered within their key", f"{sum(len(verdict.reordered) for verdict in verdicts):,}"),
            ("delivered twice without a stop between", f"{sum(len(verdict.unexplained) for verdict in verdicts):,}"),
            ("duplicates after a stop", f"{sum(verdict.duplicates for verdict in verdicts):,}"),
            ("of one stop, on average", f"{sum(counts) / len(counts) if counts else 0:.1f}"),
            (
                "of one stop, at most",
                f"{max(counts, default=0):,} (bound: {bound:,}{' at most' if self.has_bounds else ''})",
            ),
            ("time to ready, median", f"{statistics.median(ready_s or [0]):.2f} s"),
            ("time to ready, at most", f"{max(ready_s, default=0):.2f} s"),
            ("other complaints", f"{sum(len(chapter.complaints) for chapter in self.chapters):,}"),
            *(("found", " ".join(words.split())[:_TOLD_MAX]) for words in dict.fromkeys(found)),
        ]


def _stop_row(name: str, counts: Sequence[int], bounds: Sequence[int]) -> tuple[str, ...]:
    lowest, highest = f"{min(bounds):,}", f"{max(bounds):,}"
    bound = lowest if lowest == highest else f"{lowest} to {highest}"
    return name, f"{len(counts):,}", f"{sum(counts):,}", f"{max(counts):,}", bound


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    rule = "|---" * len(heading) + "|"
    return "\n".join([_row(heading), rule, *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _strays(verdict: Verdict) -> int:
    return len(verdict.misrouted) + len(verdict.altered) + len(verdict.unasked)
