"""Keeps together what is written together: whoever follows the store goes on once he has seen all of it.

A file that changes two Triggers is two writes; between them an event would be judged by one old and one new Trigger.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from eventing.errors import StoreUnavailable
from eventing.store.contract import Store

WAIT_MAX_S: Final = 30.0
"""How long it keeps other changes waiting. Kubernetes lets a webhook hold a write no longer, either."""
_INTERVAL_S: Final = 0.002

_log = logging.getLogger(__name__)


class Barrier:
    """Of one store. Who writes holds it; who follows waits until it is open."""

    def __init__(self, store: Store, *, wait_max_s: float = WAIT_MAX_S) -> None:
        self._store = store
        self._wait_max_s = wait_max_s
        self._is_forced = False
        """Nobody waits any more for those who hold it."""
        self._holders = 0
        self._version = 0
        """Of the last write that was kept together with others."""

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """For the length of the context, have followers wait for what is written in it."""
        self._holders += 1
        try:
            yield
            with suppress(StoreUnavailable):  # whoever follows the store will read it as a whole
                self._version = int(await self._store.version())
        finally:
            self._holders -= 1
            self._is_forced = self._is_forced and self._holders > 0

    def is_open(self, version: int) -> bool:
        """True for who has seen the store's changes up to that version."""
        return self._is_forced or (not self._holders and version >= self._version)

    async def wait(self, seen: Callable[[], int]) -> None:
        """Return once it is open for who has seen the changes up to the version that `seen` gives: at once, all day but
        for moments. After the longest wait it is open anyway, and that is logged: what is written together by those who
        hold it may then be judged in parts.
        """
        clock = asyncio.get_running_loop().time
        latest_s = clock() + self._wait_max_s
        while not self.is_open(seen()):
            if clock() >= latest_s:
                self._force()
            await asyncio.sleep(_INTERVAL_S)

    def _force(self) -> None:
        words = "what is written together has kept other changes waiting for %g s: they go on without the rest of it"
        _log.warning(words, self._wait_max_s)
        self._is_forced = self._holders > 0
        self._version = 0
