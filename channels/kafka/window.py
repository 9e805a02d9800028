"""What a group has read and nobody has received, and what was given back: bounded, the oldest first."""

from collections import deque
from heapq import heappop, heappush
from typing import Final

from channels.contract import Position
from channels.kafka.lease import Held, Lease

_EVENTS: Final = 4096
_SIZE_BYTES: Final = 16 * 2**20
"""Nothing more is read while so much waits to be received (the journal's window)."""


class Window:
    """Of one group in this process."""

    def __init__(self) -> None:
        self.fresh: Final[deque[Held]] = deque()
        """In the order that it was read in."""
        self.fresh_bytes = 0
        self._returned: Final[list[tuple[Position, Held]]] = []

    def __len__(self) -> int:
        return len(self.fresh) + len(self._returned)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be read."""
        return len(self.fresh) >= _EVENTS or self.fresh_bytes >= _SIZE_BYTES

    def take(self, count: int) -> list[Held]:
        """The oldest, at most `count`: what was given back first."""
        taken: list[Held] = []
        while self._returned and len(taken) < count:
            taken.append(heappop(self._returned)[1])
        fresh = self.fresh
        for _ in range(min(count - len(taken), len(fresh))):
            one = fresh.popleft()
            self.fresh_bytes -= one.size_bytes
            taken.append(one)
        return taken

    def put_back(self, one: Held) -> None:
        """To its place, as another object."""
        heappush(self._returned, (one.position, one.again()))

    def drop(self, lease: Lease) -> None:
        """What is of that one is to be received by nobody."""
        kept = [one for one in self.fresh if one.lease is not lease]
        self.fresh.clear()
        self.fresh.extend(kept)
        self.fresh_bytes = sum([one.size_bytes for one in kept])
        self._returned[:] = sorted(item for item in self._returned if item[1].lease is not lease)
