"""The objects of kinds that were listed, in memory, as the database has them: a list costs what it shows, not what it
reads. The Kubernetes API server has its watch cache for that.

A kind is read once, and follows the feed whenever it is asked for. What is shown is as new as the database was when it
was asked.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from eventing.errors import Expired, StoreUnavailable
from eventing.resources.identity import GroupKind, Key, Object
from eventing.store.database import Database
from eventing.store.feed import KEPT_MAX, Feed
from eventing.store.page import Page
from eventing.store.row import ChangeRow, Codec
from eventing.store.table import read_kind, read_version

FOLLOW_MAX_S: Final = 10.0
"""How long the feed may take to bring what the database was seen to hold."""
_Place = tuple[str, str]
"""Namespace and name, in whose order lists are."""


class Row:
    """An object as it lies in the database. See `contract.Stored`."""

    __slots__ = ("_body", "_codec", "_key_id", "_uid", "_views", "key")

    def __init__(self, codec: Codec, key: Key, uid: str, body: bytes, key_id: str | None) -> None:
        self.key = key
        self._codec = codec
        self._uid = uid
        self._body = body
        self._key_id = key_id
        self._views: dict[Hashable, Any] | None = None

    @property
    def item(self) -> Object:
        """Decoded anew. Raises SecretKeyMissing, SecretKeyWrong, SecretDamaged."""
        return self._codec.decode(self.key, self._uid, self._body, self._key_id)

    @property
    def size_bytes(self) -> int:
        """Of its JSON."""
        return len(self._body)

    @property
    def views(self) -> dict[Hashable, Any]:
        """See the contract."""
        if self._views is None:
            self._views = {}
        return self._views


class Shelf:
    """The objects of one kind, as they are at `position`. Pure."""

    def __init__(self, codec: Codec, position: int, rows: Iterable[Row]) -> None:
        """`rows` are in the order of lists."""
        self.position = position
        self._codec: Final = codec
        self._rows: Final = {(row.key.namespace, row.key.name): row for row in rows}
        self._places: Final[list[_Place]] = [*self._rows]

    def follow(self, group_kind: GroupKind, changes: Iterable[ChangeRow]) -> None:
        """Take over those of the changes that are of the kind; they are the next ones."""
        for change in changes:
            self.position = change.version
            if change.key.group_kind == group_kind:
                self._take(change)

    def page(self, namespace: str | None, after: Page | None, limit: int | None) -> tuple[tuple[Row, ...], int]:
        """The rows of a list after that page, and how many come after them."""
        places = self._places
        begin = 0 if namespace is None else bisect_left(places, (namespace, ""))
        end = len(places) if namespace is None else bisect_left(places, (namespace + "\0", ""))
        if after is not None:
            begin = max(begin, bisect_right(places, (after.namespace, after.name)))
        last = end if limit is None else min(end, begin + limit)
        return tuple([self._rows[place] for place in places[begin:last]]), max(0, end - last)

    def _take(self, change: ChangeRow) -> None:
        place = change.key.namespace, change.key.name
        if change.type == "DELETED":
            if self._rows.pop(place, None) is not None:
                del self._places[bisect_left(self._places, place)]
            return
        if place not in self._rows:
            insort(self._places, place)
        self._rows[place] = Row(self._codec, change.key, change.uid, change.body, change.key_id)


class Mirror:
    """The shelves of a database."""

    def __init__(self, database: Database, codec: Codec, feed: Feed) -> None:
        self._database: Final = database
        self._codec: Final = codec
        self._feed: Final = feed
        self._shelves: Final[dict[GroupKind, Shelf]] = {}
        self._following: Final = asyncio.Lock()

    async def shelf(self, group_kind: GroupKind, version: int) -> Shelf:
        """The kind's objects at that version, which the database had, or a later one. Raises StoreUnavailable."""
        async with self._following:
            shelf = self._shelves.get(group_kind)
            if shelf is None or version - shelf.position > KEPT_MAX:
                shelf = await self._load(group_kind)
            while shelf.position < version:
                try:
                    shelf.follow(group_kind, await self._next(shelf.position))
                except Expired:
                    shelf = await self._load(group_kind)
            return shelf

    async def _next(self, position: int) -> Sequence[ChangeRow]:
        if position >= self._feed.position:
            self._feed.wake()
        try:
            async with asyncio.timeout(FOLLOW_MAX_S):
                return await self._feed.after(position)
        except TimeoutError as error:
            raise StoreUnavailable("the database's changes do not come") from error

    async def _load(self, group_kind: GroupKind) -> Shelf:
        def read(connection: Connection) -> Shelf:
            rows = [
                Row(self._codec, Key(group, kind, namespace, name), uid, body, key_id)
                for group, kind, namespace, name, uid, body, key_id in read_kind(connection, group_kind)
            ]
            return Shelf(self._codec, read_version(connection), rows)

        shelf = self._shelves[group_kind] = await self._database.read(read)
        return shelf
