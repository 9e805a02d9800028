"""Whether the log has given out once more what another process had in memory."""

from collections.abc import Callable

from channels.contract import Subscription


class Replay:
    """Of one lane: what was in the memory of a process that ended is older than what it parked, and comes out of the
    log once more. `judged` counts the events that were offered; without it a replay is over when the log is empty.
    """

    __slots__ = ("_goal", "_judged", "_subscription")

    def __init__(self, subscription: Subscription, judged: Callable[[], int] | None) -> None:
        self._subscription = subscription
        self._judged = judged
        self.begin()

    def begin(self) -> None:
        """All that the log holds at this moment may be such."""
        self._goal = 0 if self._judged is None else self._judged() + self._subscription.lag

    def is_over(self) -> bool:
        """All of it was offered."""
        if self._judged is not None and self._judged() >= self._goal:
            return True
        return not self._subscription.lag
