"""Follows compacted topics: each record is told once, from the first that is kept on, for as long as it is wanted."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from channels.errors import ChannelUnavailable
from channels.kafka.link import EARLIEST, LATEST, Found, Link

Tell = Callable[[int, Sequence[Found]], None]
"""Called with a partition and its next records."""
_WAIT_S: Final = 0.25
_PAUSE_S: Final = 0.5
_CLOSE_S: Final = 1.0
_SIZE_MAX_BYTES: Final = 4 * 2**20


class Tail:
    """`link` is for what is asked for now, `patient` for waiting."""

    def __init__(self, link: Link, patient: Link) -> None:
        self._link: Final = link
        self._patient: Final = patient
        self._told: Final[dict[tuple[str, int], Tell]] = {}
        self._next: Final[dict[tuple[str, int], int]] = {}
        self._moved = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._is_closed = False

    async def follow(self, topic: str, partitions: Sequence[int], tell: Tell) -> None:
        """All that is there was told on return; what comes is told as it comes. Raises ChannelUnavailable."""
        fresh = [one for one in partitions if (topic, one) not in self._told]
        if not fresh:
            return
        starts = await self._link.offsets(topic, dict.fromkeys(fresh, EARLIEST))
        ends = await self._link.offsets(topic, dict.fromkeys(fresh, LATEST))
        behind = {(topic, one): starts[one] for one in fresh}
        while wanted := {place: at for place, at in behind.items() if at < ends[place[1]]}:
            for place, (records, after) in (await self._fetch(self._link, wanted, 0.0)).items():
                tell(place[1], records)
                behind[place] = after
        for place, after in behind.items():
            self._told[place] = tell
            self._next[place] = after
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
        self._move()

    def leave(self, topic: str) -> None:
        """Nothing more of it is told."""
        for place in [place for place in self._told if place[0] == topic]:
            del self._told[place], self._next[place]

    async def catch_up(self, topic: str, partitions: Sequence[int]) -> None:
        """Everything stored before this call was told on return. Raises ChannelUnavailable."""
        ends = await self._link.offsets(topic, dict.fromkeys(partitions, LATEST))
        while any(self._next.get((topic, one), ends[one]) < ends[one] for one in partitions):
            await self._moved.wait()

    async def close(self) -> None:
        """Nothing more is told."""
        self._told.clear()
        self._next.clear()
        self._is_closed = True
        self._move()
        if self._running is not None:
            # The library leaves a connection open that is cancelled while it is made.
            await asyncio.wait([self._running], timeout=_CLOSE_S)
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        while not self._is_closed:
            wanted = dict(self._next)
            if not wanted:
                await self._moved.wait()
                continue
            try:
                found = await self._fetch(self._patient, wanted, _WAIT_S)
            except ChannelUnavailable:
                await asyncio.sleep(_PAUSE_S)
                continue
            for place, (records, after) in found.items():
                tell = self._told.get(place)
                if tell is not None and self._next[place] == wanted[place]:
                    self._next[place] = after
                    if records:
                        tell(place[1], records)
            self._move()

    def _move(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _fetch(
        self, link: Link, wanted: dict[tuple[str, int], int], wait_s: float
    ) -> dict[tuple[str, int], tuple[list[Found], int]]:
        return await link.fetch(wanted, wait_s=wait_s, size_max_bytes=_SIZE_MAX_BYTES)
