"""Keeps together what is written together: whoever follows the store goes on once he has seen all of it.

A file that changes two Triggers is two writes; between them an event would be judged by one old and one new Trigger.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from eventing.errors import StoreUnavailable
from eventing.store.contract import Store


class Barrier:
    """Of one store. Who writes holds it; who follows asks whether it is open."""

    def __init__(self, store: Store) -> None:
        self._store = store
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

    def is_open(self, version: int) -> bool:
        """True for who has seen the store's changes up to that version."""
        return not self._holders and version >= self._version
