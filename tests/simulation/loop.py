"""An event loop in virtual time, and the world outside of it, which outlives it as the world outlives a process.

Waiting takes no time, nothing comes from threads or sockets: one run is a function of what is scheduled.
"""

import asyncio
import heapq
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, Final

TURN_S: Final = 20e-6
"""What one turn of the loop takes, lest two things happen at the very same moment more often than they do in life."""


TURNS_MAX: Final = 300_000
"""A run has a few thousand."""


class Crash(SystemExit):
    """The process is gone. asyncio lets a SystemExit through everything, and the product catches none."""


class Stuck(Exception):  # noqa: N818
    """Nothing will ever happen again, neither inside nor outside."""


class Spinning(Exception):  # noqa: N818
    """So much happens in so little time that it will never end."""


class Outside:
    """The time, and what happens by itself: producers, sinks, disks, crashes. Runs on where no process does."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.turns = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = count()

    def at(self, when_s: float, do: Callable[[], None]) -> None:
        """Do that at that time, or now if it is past."""
        heapq.heappush(self._due, (when_s, next(self._sequence), do))

    def after(self, wait_s: float, do: Callable[[], None]) -> None:
        self.at(self.now_s + wait_s, do)

    @property
    def next_s(self) -> float | None:
        return self._due[0][0] if self._due else None

    def take(self) -> list[Callable[[], None]]:
        """What is due now, in order."""
        due: list[Callable[[], None]] = []
        while self._due and self._due[0][0] <= self.now_s:
            due.append(heapq.heappop(self._due)[2])
        return due

    def run_until(self, until_s: float) -> None:
        """The time in which no process runs."""
        while self._due and self._due[0][0] <= until_s:
            when_s, _, do = heapq.heappop(self._due)
            self.now_s = max(self.now_s, when_s)
            do()
        self.now_s = max(self.now_s, until_s)


class VirtualLoop(asyncio.BaseEventLoop):
    """One process's loop. `failures` are what its callbacks and tasks raised into nowhere."""

    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self.failures: list[str] = []
        self.is_buried = False
        self._outside = outside
        self._selector = self
        self._clock_resolution = 1e-9
        self.set_exception_handler(self._note)

    def time(self) -> float:
        return self._outside.now_s

    def select(self, timeout_s: float | None) -> list[Callable[[], None]]:
        """In place of a selector's: time passes, and what happens outside comes in."""
        if self.is_buried:
            return []
        outside = self._outside
        outside.now_s += TURN_S
        outside.turns += 1
        if outside.turns > TURNS_MAX:
            raise Spinning
        if timeout_s is None or timeout_s > 0:
            next_s = outside.next_s
            if timeout_s is None:
                if next_s is None:
                    raise Stuck
                outside.now_s = max(outside.now_s, next_s)
            else:
                wake_s = outside.now_s - TURN_S + timeout_s
                outside.now_s = max(outside.now_s, wake_s if next_s is None else min(next_s, wake_s))
        return outside.take()

    def bury(self) -> None:
        """After a crash: end what still runs, without time and without anything outside noticing."""
        self.is_buried = True
        for _ in range(100):
            tasks = asyncio.all_tasks(self)
            if not tasks:
                break
            for task in tasks:
                task.cancel()  # once more, where it waits for something on its way out
            self.call_soon(self.stop)
            with suppress(Crash, BaseExceptionGroup):  # whoever waited for the task that met it meets it, too
                self.run_forever()
        self.close()

    def _process_events(self, due: list[Callable[[], None]]) -> None:
        for do in due:
            self.call_soon(do)

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self.is_buried:
            self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")
