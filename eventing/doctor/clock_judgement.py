"""Another clock against ours, and how long an answer took. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, warning

SKEW_MAX_S: Final = 1.0
"""Above it retries come early or late by what can be felt."""
SKEW_BROKEN_S: Final = 60.0
"""Above it tokens, certificates and leases of other processes are judged wrongly: no machine with NTP gets there."""


DUE: Final = "due times are compared across them"


def judge_clock(
    check: Check, theirs_s: float, asked_s: float, answered_s: float, *, whose: str = "its", consequence: str = DUE
) -> Finding:
    """Their time, seen between two moments of ours; all are seconds since the epoch."""
    skew_s, doubt_s = theirs_s - (asked_s + answered_s) / 2, (answered_s - asked_s) / 2
    words = f"{whose} clock is {abs(skew_s):.3f} s {'ahead of' if skew_s > 0 else 'behind'} ours (±{doubt_s:.3f} s)"
    certain_s = abs(skew_s) - doubt_s
    advice = f"have both machines keep time by NTP (timedatectl set-ntp true): {consequence}"
    if certain_s > SKEW_BROKEN_S:
        return failure(check, words, advice)
    return warning(check, words, advice) if certain_s > SKEW_MAX_S else ok(check, words)


def judge_latency(check: Check, times_s: Sequence[float], slow_s: float, consequence: str) -> Finding:
    """How long it took to answer next to nothing, several times."""
    middle_s = median(times_s)
    words = (
        f"it answers in {middle_s * 1000:.2f} ms in the middle of {len(times_s)}, {max(times_s) * 1000:.2f} ms at worst"
    )
    if middle_s > slow_s:
        return warning(check, words, f"bring it nearer, or relieve it: {consequence}")
    return ok(check, words)
