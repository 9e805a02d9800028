"""One reader of a feed."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Self

from eventing.resources.identity import GroupKind, Key
from eventing.store.contract import Change
from eventing.store.feed import Feed
from eventing.store.row import ChangeRow, Codec

_TURN: Final = 100
"""Changes after which others have their turn: a reader far behind never waits, and would hold up the event loop."""


class Watcher:
    """Every change after a version, of a kind or all, in a namespace or all. See `contract.Changes`."""

    def __init__(
        self, feed: Feed, codec: Codec, position: int, *, group_kind: GroupKind | None, namespace: str | None
    ) -> None:
        self._feed: Final = feed
        self._codec: Final = codec
        self._group_kind: Final = group_kind
        self._namespace: Final = namespace
        self._position = position
        self._ahead: deque[ChangeRow] = deque()
        self._turn = 0

    @property
    def resource_version(self) -> str:
        """See the contract."""
        return str(self._position)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        """A copy of its own."""
        while True:
            if not self._ahead:
                self._ahead.extend(await self._more())
            self._turn += 1
            if self._turn % _TURN == 0:
                await asyncio.sleep(0)
            row = self._ahead[0]
            change = self._shown(row)
            self._ahead.popleft()
            self._position = row.version
            if change is not None:
                return change

    async def _more(self) -> Sequence[ChangeRow]:
        return await self._feed.after(self._position)

    def _shown(self, row: ChangeRow) -> Change | None:
        if not self._is_wanted(row.key):
            return None
        return Change(row.type, self._codec.decode(row.key, row.uid, row.body, row.key_id))

    def _is_wanted(self, key: Key) -> bool:
        return self._group_kind in (None, key.group_kind) and self._namespace in (None, key.namespace)
