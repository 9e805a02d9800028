"""What of one lane waits in memory: for its turn, for a retry, or behind another of its key. Pure."""

from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import NamedTuple

from dispatcher.attempt import Attempt
from dispatcher.ordering import Keys


class Retry(NamedTuple):
    """An attempt that waits until the clock reads `due_s`."""

    due_s: float
    sequence: int
    attempt: Attempt


class Waiting:
    """Bounds are the lane's; here is what there is."""

    __slots__ = ("_is_turn_of_returned", "_sequence", "keys", "ready", "retries", "returned", "size_bytes")

    def __init__(self) -> None:
        self.ready: deque[Attempt] = deque()
        """Those that came from the fan out, in their order."""
        self.returned: deque[Attempt] = deque()
        """Those that came out of a queue."""
        self.retries: list[Retry] = []
        """A heap."""
        self.keys = Keys()
        """Where order is kept, of each key only the head is in one of the three above."""
        self.size_bytes = 0
        self._sequence = count()
        self._is_turn_of_returned = True

    def __len__(self) -> int:
        return len(self.ready) + len(self.returned) + len(self.retries) + self.keys.waiting

    def add(self, attempt: Attempt, *, is_returned: bool = False) -> None:
        """It may go when it is its turn."""
        self.size_bytes += attempt.size_bytes
        (self.returned if is_returned else self.ready).append(attempt)

    def add_in_order(self, attempt: Attempt, *, is_returned: bool) -> None:
        """It may go when it is its turn, and when all others of its key that came before have gone."""
        if self.keys.enter(attempt):
            self.add(attempt, is_returned=is_returned)
        else:
            self.size_bytes += attempt.size_bytes

    def add_retry(self, attempt: Attempt, due_s: float) -> None:
        """It may go when it is due."""
        self.size_bytes += attempt.size_bytes
        heappush(self.retries, Retry(due_s, next(self._sequence), attempt))

    def resume(self, head: Attempt) -> None:
        """The one before it of its key has ended."""
        (self.returned if head.is_as_parked else self.ready).append(head)

    def pop(self, now_s: float, *, is_blocked: bool) -> Attempt | None:
        """Take out the retry that was due first, for it is older than all that wait, else whose turn it is. Where it
        `is_blocked`, nothing that came from the fan out.
        """
        if self.retries and self.retries[0].due_s <= now_s:
            attempt = heappop(self.retries).attempt
        elif self.returned and (self._is_turn_of_returned or is_blocked or not self.ready):
            self._is_turn_of_returned = False
            attempt = self.returned.popleft()
        elif self.ready and not is_blocked:
            self._is_turn_of_returned = True
            attempt = self.ready.popleft()
        else:
            return None
        self.size_bytes -= attempt.size_bytes
        return attempt

    def has_ready(self, now_s: float, *, is_blocked: bool) -> bool:
        """Does `pop` find something?"""
        if self.returned or (self.ready and not is_blocked):
            return True
        return bool(self.retries) and self.retries[0].due_s <= now_s

    def clear_ready(self) -> list[Attempt]:
        """Take out all that does not wait for a retry; their keys have no heads any more."""
        heads = [*self.returned, *self.ready]
        self.returned.clear()
        self.ready.clear()
        followers = self.keys.cut_all()
        for head in heads:
            self.keys.leave(head)
        self.size_bytes = sum([retry.attempt.size_bytes for retry in self.retries])
        return [*heads, *followers]

    def clear_retries(self) -> list[Retry]:
        """Take out all that waits for a retry, once nothing else is left, except what is redriven."""
        found = sorted([retry for retry in self.retries if not retry.attempt.is_redriven])
        self.retries[:] = [retry for retry in self.retries if retry.attempt.is_redriven]
        heapify(self.retries)
        for retry in found:
            self.keys.leave(retry.attempt)
            self.size_bytes -= retry.attempt.size_bytes
        return found

    def cut(self, attempt: Attempt) -> list[Attempt]:
        """The attempt is its key's head no more, and those that wait behind it are taken out."""
        followers = self.keys.cut(attempt.key)
        self.keys.leave(attempt)
        self.size_bytes -= sum([follower.size_bytes for follower in followers])
        return followers

    def cut_out(self, is_gone: Callable[[Attempt], bool]) -> list[Attempt]:
        """Take out those of which that is true, wherever they wait; who waited behind them moves up."""
        retries = [retry.attempt for retry in self.retries]
        heads = [*self.returned, *self.ready, *retries]
        gone = {attempt: None for attempt in (*heads, *self.keys.followers) if is_gone(attempt)}
        if gone:
            self.keys.discard(gone)
            for line in (self.returned, self.ready):
                left = [attempt for attempt in line if attempt not in gone]
                line.clear()
                line.extend(left)
            self.retries[:] = [retry for retry in self.retries if retry.attempt not in gone]
            heapify(self.retries)
            self.size_bytes -= sum([attempt.size_bytes for attempt in gone])
            for attempt in gone:
                head = self.keys.leave(attempt)
                if head is not None:
                    self.resume(head)
        return [*gone]

    def clear(self) -> list[Attempt]:
        """Take out everything."""
        ready = self.clear_ready()
        retries = [retry.attempt for retry in self.retries]
        self.retries.clear()
        self.size_bytes = 0
        return [*ready, *retries]
