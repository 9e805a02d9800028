"""Whether this process writes what it finds about resources: of several processes one does."""

from collections.abc import Awaitable, Callable

from eventing.errors import LeaseLost
from eventing.store.contract import Store

Confirm = Callable[[], Awaitable[None]]
"""Asks the store whether the pen is still this process's. Raises LeaseLost where it is not, and StoreUnavailable."""


class Pen:
    """The store, for who may write into it: for good, or as long as it is given. Everybody else only looks."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store
        """None where another process writes."""
        self._confirm: Confirm | None = None

    def give(self, store: Store, confirm: Confirm) -> None:
        """It is this process's until it is dropped; who stood still meanwhile does not know."""
        self.store, self._confirm = store, confirm

    def drop(self) -> None:
        """It is another process's."""
        self.store = self._confirm = None

    async def is_held(self) -> bool:
        """For what no store can refuse: True where it is this process's at this moment. Raises StoreUnavailable."""
        if self._confirm is not None:
            try:
                await self._confirm()
            except LeaseLost:
                self.drop()
        return self.store is not None
