"""What a channel counts: what its server said last, and what was done here since. Pure."""

from collections.abc import Sequence
from typing import Final

EVENTS: Final = b"events"
SIZE: Final = b"size"
PARKED: Final = b"parked"
PARKED_SIZE: Final = b"psize"
_NO_NUMBERS: Final = frozenset({b"born"})


def unsettled(group: bytes) -> bytes:
    """The counter of a group's events."""
    return b"u:" + group


def unsettled_size(group: bytes) -> bytes:
    """And of their bytes."""
    return b"v:" + group


class Counters:
    """`gathered` is what the next commit will tell the server, `flying` what the one under way does."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}
        self._gathered: dict[bytes, int] = {}
        self._flying: dict[bytes, int] = {}
        self.born = b""
        """A mark that the server's storage was given when it came to be."""

    def __getitem__(self, name: bytes) -> int:
        return self._known.get(name, 0) + self._gathered.get(name, 0) + self._flying.get(name, 0)

    def add(self, name: bytes, number: int) -> None:
        """So much more, as far as one can see from here."""
        self._gathered[name] = self._gathered.get(name, 0) + number

    def put(self) -> None:
        """What was gathered is in a commit."""
        for name, number in self._gathered.items():
            self._flying[name] = self._flying.get(name, 0) + number
        self._gathered.clear()

    def done(self, state: Sequence[bytes]) -> None:
        """The commit was done, and the server tells what there is."""
        self._flying.clear()
        self.learn(state)

    def learn(self, state: Sequence[bytes]) -> None:
        """The server tells what there is, before the commit under way if there is one."""
        self._known = {state[at]: int(state[at + 1]) for at in range(0, len(state), 2) if state[at] not in _NO_NUMBERS}
        self.born = state[state.index(b"born") + 1] if b"born" in state[::2] else b""

    def forget(self) -> None:
        """What was done here does not count: another process has taken over."""
        self._gathered.clear()
        self._flying.clear()
