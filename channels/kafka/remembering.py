"""What a channel remembers by name: the last value, whichever process said it. Pure."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from channels.kafka.state import REMEMBERED, pack_note, unpack_note


class Notes:
    """`origin` names who writes them here: what it has said itself it knows before it reads it."""

    def __init__(self, origin: bytes, write: Callable[[bytes, bytes | None], None]) -> None:
        self._origin: Final = origin
        self._write: Final = write
        self._values: Final[dict[str, bytes]] = {}
        self.values: Final[Mapping[str, bytes]] = MappingProxyType(self._values)

    def set(self, name: str, value: bytes | None) -> None:
        """None for none any more."""
        if value is None:
            if self._values.pop(name, None) is None:
                return
        else:
            self._values[name] = value
        self._write(REMEMBERED + name.encode(), None if value is None else pack_note(self._origin, value))

    def write_anew(self) -> None:
        """All of them: what kept them is gone."""
        for name, value in self._values.items():
            self._write(REMEMBERED + name.encode(), pack_note(self._origin, value))

    def tell(self, key: bytes, value: bytes | None, *, is_writing: bool) -> None:
        """A record of the state topic. Who removed a value is not said: while something is being written here, it may
        have been set anew.
        """
        name = key[len(REMEMBERED) :].decode()
        note = None if value is None else unpack_note(value)
        if note is None:
            if not is_writing:
                self._values.pop(name, None)
        elif note.origin != self._origin:
            self._values[name] = note.value
