"""The circuit breaker of one lane: it paces a failing sink. Pure: the clock's reading is given.

A breaker never fails an event and never uses up one of its attempts: while it is open, events wait, and one attempt
(the probe) is let through every pause. Consecutive failures open it, any success closes it.
"""

from typing import Final, Literal

State = Literal["closed", "open", "half-open"]
_Step = Literal["success", "failure", "last failure", "probe"]

_NEXT: Final[dict[tuple[State, _Step], State]] = {
    ("closed", "success"): "closed",
    ("closed", "failure"): "closed",
    ("closed", "last failure"): "open",
    # Attempts that were on their way when the breaker opened still bring their outcome.
    ("open", "success"): "closed",
    ("open", "failure"): "open",
    ("open", "last failure"): "open",
    ("open", "probe"): "half-open",
    ("half-open", "success"): "closed",
    ("half-open", "failure"): "open",
    ("half-open", "last failure"): "open",
}

_FAILURES: Final = frozenset({408, 429})


def is_failure(status: int | None) -> bool:
    """True for what speaks against the sink: no answer, a timeout, 408, 429, 5xx. Others come from a living sink."""
    return status is None or status >= 500 or status in _FAILURES


class Breaker:
    """Opens after `failures_max` consecutive failures, then lets one attempt through every `pause_s`.

    Whoever was let through by `may_send` owes a record of how it ended: until then a half-open breaker lets nobody else
    through. `is_closed` and `failures` may be read for every event; a success needs no record while `failures` is 0.
    """

    __slots__ = ("_failures_max", "_pause_s", "_probe_at_s", "failures", "is_closed", "state")

    def __init__(self, failures_max: int, pause_s: float) -> None:
        self.state: State = "closed"
        self.is_closed = True
        self.failures = 0
        self._failures_max = failures_max
        self._pause_s = pause_s
        self._probe_at_s = 0.0

    def record_success(self) -> None:
        """An attempt brought an answer that is no failure (see `is_failure`)."""
        self.failures = 0
        if not self.is_closed:
            self._step("success")

    def record_failure(self, now_s: float) -> None:
        """An attempt failed (see `is_failure`). A pause begins where it opened the breaker or was the probe."""
        self.failures += 1
        was_open = self.state == "open"
        self._step("last failure" if self.failures >= self._failures_max else "failure")
        if self.state == "open" and not was_open:
            self._probe_at_s = now_s + self._pause_s

    def reopen(self, failures: int, now_s: float) -> None:
        """It was open when the process before this one ended: the sink is asked again after a pause."""
        self.failures = max(failures, 1)
        self.state = "open"
        self.is_closed = False
        self._probe_at_s = now_s + self._pause_s

    def may_send(self, now_s: float) -> bool:
        """True where an attempt may begin. Where an open breaker's pause is over, the first to ask is the probe."""
        if self.is_closed:
            return True
        if self.state == "half-open" or now_s < self._probe_at_s:
            return False
        self._step("probe")
        return True

    def next_probe_s(self, now_s: float) -> float:
        """Seconds after which it is worth asking again: 0 for now. While a probe is on its way, a whole pause."""
        if self.state == "half-open":
            return self._pause_s
        return max(self._probe_at_s - now_s, 0.0) if self.state == "open" else 0.0

    def _step(self, step: _Step) -> None:
        self.state = _NEXT[self.state, step]
        self.is_closed = self.state == "closed"

    def __repr__(self) -> str:
        return f"<Breaker {self.state}, {self.failures} failures>"
