"""One measurement, and the figures that follow from it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_SATURATED: Final = 0.85
"""Share of the core above which a subject is at its limit; the start of the load generator takes some of the window."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one window of load showed. All counts are events but `broken`, which are requests.

    `cpu_s` is user and system time of all the subject's processes until everything was delivered, `delivered` the
    sink's count. `missing` events were accepted and never came, `refused` ones were answered with 400 and above.
    `miscounted` is by how much the subject's own count exceeds the sink's. `throughput_per_s` is what reached the sink
    while the load lasted, `busy` the share of its core that the subject used meanwhile. `server_cpu_s` is that of the
    server which events rest in, where there is one: it is no part of `cpu_s`. `unit_us` is N, where it was measured in
    between.
    """

    cpu_s: float
    accepted: int
    delivered: int
    missing: int
    refused: int
    broken: int
    miscounted: int
    throughput_per_s: float
    busy: float
    rss_peak_bytes: int
    answer_p50_ms: float
    answer_p99_ms: float
    server_cpu_s: float = 0.0
    unit_us: float = 0.0

    @property
    def us_per_delivered(self) -> float:
        """CPU microseconds per delivery."""
        return self.cpu_s * 1e6 / self.delivered

    @property
    def server_us_per_delivered(self) -> float:
        """The same of the server which events rest in."""
        return self.server_cpu_s * 1e6 / self.delivered

    @property
    def us_per_event(self) -> float:
        """CPU microseconds per event sent in, however often it was delivered."""
        return self.cpu_s * 1e6 / self.accepted

    @property
    def remarks(self) -> str:
        """What a reader must know before trusting the figures; empty when all went well."""
        told = {
            "refused": self.refused,
            "without answer": self.broken,
            "accepted and not delivered": self.missing,
            "claimed beyond the sink's count": self.miscounted,
        }
        remarks = [f"{count:,} {words}" for words, count in told.items() if count]
        if self.busy < _SATURATED:
            remarks.append(f"its core only {self.busy:.0%} busy: it waited for the load, or for a disk")
        return ", ".join(remarks)


def together(samples: Sequence[Sample]) -> Sample:
    """What several windows of the same length showed of one subject: sums, and means of what is a rate or a time."""

    def total(name: str) -> Any:
        return sum(getattr(sample, name) for sample in samples)

    count = len(samples)
    sums = ("cpu_s", "server_cpu_s", "accepted", "delivered", "missing", "refused", "broken", "miscounted")
    means = ("throughput_per_s", "busy", "answer_p50_ms", "answer_p99_ms")
    return Sample(
        **{name: total(name) for name in sums},
        **{name: total(name) / count for name in means},
        rss_peak_bytes=max(sample.rss_peak_bytes for sample in samples),
    )
