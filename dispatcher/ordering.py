"""Order by key in memory: of each key one attempt is its head, and the others wait behind it. Pure.

A key that nobody asks for costs nothing: what is kept are heads and those who wait.
"""

from collections import deque
from collections.abc import Collection

from dispatcher.attempt import Attempt


class Keys:
    """The keys of one lane. An attempt's `key` says where it belongs."""

    __slots__ = ("_followers", "_heads", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        """Attempts behind heads."""
        self._heads: dict[str | None, Attempt] = {}
        self._followers: dict[str | None, deque[Attempt]] = {}

    def enter(self, attempt: Attempt) -> bool:
        """True where it is the head, and may go; it waits otherwise."""
        if self._heads.setdefault(attempt.key, attempt) is attempt:
            return True
        line = self._followers.get(attempt.key)
        if line is None:
            line = self._followers[attempt.key] = deque()
        line.append(attempt)
        self.waiting += 1
        return False

    def leave(self, attempt: Attempt) -> Attempt | None:
        """It is the head no more; the one that is returned is, if there is any. Nothing, where it was no head."""
        key = attempt.key
        if self._heads.get(key) is not attempt:
            return None
        line = self._followers.get(key)
        if line is None:
            del self._heads[key]
            return None
        head = self._heads[key] = line.popleft()
        self.waiting -= 1
        if not line:
            del self._followers[key]
        return head

    def holds(self, key: str | None) -> bool:
        """It has a head."""
        return key in self._heads

    def depth(self, key: str | None) -> int:
        """How many wait behind its head."""
        line = self._followers.get(key)
        return 0 if line is None else len(line)

    def cut(self, key: str | None) -> list[Attempt]:
        """Take out those who wait behind the head, in order."""
        line = self._followers.pop(key, None)
        if line is None:
            return []
        self.waiting -= len(line)
        return list(line)

    @property
    def followers(self) -> list[Attempt]:
        """All who wait, of each key in order."""
        return [attempt for line in self._followers.values() for attempt in line]

    def discard(self, attempts: Collection[Attempt]) -> None:
        """Take these out, as far as they wait behind a head."""
        for key, line in [*self._followers.items()]:
            left = deque([attempt for attempt in line if attempt not in attempts])
            self.waiting -= len(line) - len(left)
            if left:
                self._followers[key] = left
            else:
                del self._followers[key]

    def cut_all(self) -> list[Attempt]:
        """Take out all who wait, of each key in order."""
        lines, self._followers = self._followers, {}
        self.waiting = 0
        return [attempt for line in lines.values() for attempt in line]
