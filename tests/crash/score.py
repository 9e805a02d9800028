"""The score of many kills, and its page. Pure."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.ledger.verdict import Verdict

_INTRODUCTION: Final = """# Crash score

`make crash` kills a server again and again, and writes this page; `python -m tests.crash --help` tells more.

One server, one data folder for each seed: loaded by {producers} producers, killed (SIGKILL) at random moments, in the
middle of commits, checkpoints, prunes, redrives, starts and stops, frozen, misled about the time, kept from its disk,
beside sinks that refuse, hang, reset and trickle. An independent ledger, `tests/ledger`, hears from producers what was
acknowledged, and from sinks what came. At the end every sink is well again, and all that was acknowledged must have
arrived.

What was in flight at a stop comes again: each event that some Trigger's lane held in memory (256 waiting and 64 under
way, at most) comes again to every Trigger that wants it, four of them at most. That is the bound of duplicates.
"""


@dataclass(slots=True)
class Chapter:
    """One seed's run. `complaints` are what must not be, beside the verdict's findings."""

    seed: int
    kills: int
    duration_s: float
    verdict: Verdict
    ready_s: Sequence[float]
    faults: Counter[str] = field(default_factory=Counter)
    stops: int = 0
    complaints: Sequence[str] = ()

    @property
    def faults_found(self) -> list[str]:
        """Everything that makes the run a failure."""
        return [*self.verdict.findings, *self.complaints]


@dataclass(slots=True)
class Score:
    """All chapters. `duplicates_bound` is what one stop may cause: what all lanes may hold unsettled, for each Trigger
    that wants it.
    """

    chapters: Sequence[Chapter]
    duplicates_bound: int
    producers: int
    machine: str
    date: str
    command: str

    @property
    def kills(self) -> int:
        return sum(chapter.kills for chapter in self.chapters)

    @property
    def is_clean(self) -> bool:
        """Nothing was lost, and nothing else found; duplicates stayed within their bound."""
        worst = max((chapter.verdict.duplicates_max for chapter in self.chapters), default=0)
        return worst <= self.duplicates_bound and not any(chapter.faults_found for chapter in self.chapters)

    @property
    def page(self) -> str:
        """Markdown."""
        head = _INTRODUCTION.format(producers=self.producers)
        rows = [f"| {name} | {value} |" for name, value in self._rows()]
        counts = sum((chapter.faults for chapter in self.chapters), Counter[str]())
        faults = [f"| {name} | {count:,} |" for name, count in sorted(counts.items())]
        parts = [
            head,
            "\n".join(["| what | how many |", "|---|---|", *rows]),
            "Every round is one fault:",
            "\n".join(["| fault | rounds |", "|---|---|", *faults]),
            f"{self.date}. {self.machine}. Repeat it: `{self.command}`.",
        ]
        return "\n\n".join(part.strip() for part in parts) + "\n"

    def _rows(self) -> list[tuple[str, str]]:
        verdicts = [chapter.verdict for chapter in self.chapters]
        ready_s = [one for chapter in self.chapters for one in chapter.ready_s]
        by_stop = [count for verdict in verdicts for count in verdict.duplicates_by_stop.values()]
        stops = sum(chapter.stops for chapter in self.chapters)
        found = [words for chapter in self.chapters for words in chapter.faults_found]
        return [
            ("kills", f"{self.kills:,}"),
            ("stops in all", f"{stops:,}"),
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
            ("of one stop, on average", f"{sum(by_stop) / stops if stops else 0:.1f}"),
            ("of one stop, at most", f"{max(by_stop, default=0):,} (bound: {self.duplicates_bound:,})"),
            ("time to ready, median", f"{statistics.median(ready_s or [0]):.2f} s"),
            ("time to ready, at most", f"{max(ready_s, default=0):.2f} s"),
            ("other complaints", f"{sum(len(chapter.complaints) for chapter in self.chapters):,}"),
            *((("found", words)) for words in found),
        ]


def _strays(verdict: Verdict) -> int:
    return len(verdict.misrouted) + len(verdict.altered) + len(verdict.unasked)
