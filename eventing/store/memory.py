"""The store in memory: for a server whose resources come from files, and for tests."""

import asyncio
import copy
import uuid
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from eventing.errors import AlreadyExists, Expired, NotFound
from eventing.resources.identity import GroupKind, Key, Object, key_of
from eventing.store import bookkeeping
from eventing.store.contract import Change, ChangeType, Listing

CHANGES_MAX: Final = 10_000
"""Changes that are kept for watchers to catch up with; the Kubernetes API server keeps some minutes of them."""


def timestamp() -> str:
    """The present second, in UTC, as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class MemoryStore:
    """Resources in a dict, changes in a bounded log that watchers read at their own pace. Gone with the process."""

    def __init__(self, *, changes_max: int = CHANGES_MAX, clock: Callable[[], str] = timestamp) -> None:
        self._objects: dict[Key, Object] = {}
        self._dependents: set[Key] = set()
        self._changes: deque[tuple[Key, Change]] = deque(maxlen=changes_max)
        self._version = 0
        self._clock = clock
        self._changed = asyncio.Event()

    async def get(self, key: Key) -> Object:
        """See the contract, as for all verbs."""
        return copy.deepcopy(self._stored(key))

    async def list(self, group_kind: GroupKind, namespace: str | None = None) -> Listing:
        """Cost grows with all objects in the store."""
        keys = sorted(key for key in self._objects if _is_wanted(key, group_kind, namespace))
        return Listing(tuple(copy.deepcopy(self._objects[key]) for key in keys), str(self._version))

    async def create(self, item: Object) -> Object:
        """The uid is random."""
        key = key_of(item)
        if key in self._objects:
            raise AlreadyExists(f"{key} already exists")
        stored = bookkeeping.created(item, uid=str(uuid.uuid4()), now=self._clock(), version=self._next_version)
        self._record("ADDED", key, stored)
        self._collect()
        return copy.deepcopy(stored)

    async def update(self, item: Object) -> Object:
        """An object whose last finalizer leaves is returned as it was removed."""
        key = key_of(item)
        old = self._stored(key)
        stored = bookkeeping.updated(old, item, version=self._next_version)
        if bookkeeping.is_deleting(stored) and not bookkeeping.finalizers(stored):
            self._record("DELETED", key, stored)
        elif stored is not old:
            self._record("MODIFIED", key, stored)
        self._collect()
        return copy.deepcopy(stored)

    async def update_status(self, item: Object) -> Object:
        """Only the status of `item` is read, and what it says of uid and version."""
        key = key_of(item)
        old = self._stored(key)
        stored = bookkeeping.with_status(old, item, version=self._next_version)
        if stored is not old:
            self._record("MODIFIED", key, stored)
        return copy.deepcopy(stored)

    async def delete(self, key: Key, *, uid: str | None = None) -> None:
        """What the object owned has gone, or is marked, before this returns."""
        bookkeeping.check_uid(self._stored(key), uid)
        self._remove(key)
        self._collect()

    @asynccontextmanager
    async def watch(
        self, group_kind: GroupKind | None = None, *, namespace: str | None = None, since: str | None = None
    ) -> AsyncIterator[AsyncIterator[Change]]:
        """Readers that fall `changes_max` behind find their watch expired."""
        position = self._version if since is None else int(since)
        self._check_known(position)
        async with aclosing(self._follow(position, group_kind, namespace)) as changes:
            yield changes

    async def _follow(
        self, position: int, group_kind: GroupKind | None, namespace: str | None
    ) -> AsyncGenerator[Change, None]:
        while True:
            while position == self._version:
                await self._changed.wait()
            self._check_known(position)
            key, change = self._changes[position - self._version]
            position += 1
            if _is_wanted(key, group_kind, namespace):
                yield Change(change.type, copy.deepcopy(change.item))

    def _check_known(self, position: int) -> None:
        if not self._version - len(self._changes) <= position <= self._version:
            raise Expired(f"changes since version {position} are not known; the store is at {self._version}")

    @property
    def _next_version(self) -> str:
        return str(self._version + 1)

    def _stored(self, key: Key) -> Object:
        if key not in self._objects:
            raise NotFound(f"{key} not found")
        return self._objects[key]

    def _record(self, change: ChangeType, key: Key, item: Object) -> None:
        """Make a change that bears the next version, and let the watchers see it."""
        self._version += 1
        self._dependents.discard(key)
        if change == "DELETED":
            del self._objects[key]
        else:
            self._objects[key] = item
            if item["metadata"].get("ownerReferences"):
                self._dependents.add(key)
        self._changes.append((key, Change(change, item)))
        self._changed.set()
        self._changed = asyncio.Event()

    def _remove(self, key: Key) -> None:
        old = self._objects[key]
        if not bookkeeping.finalizers(old):
            self._record("DELETED", key, bookkeeping.removed(old, version=self._next_version))
        elif not bookkeeping.is_deleting(old):
            self._record("MODIFIED", key, bookkeeping.marked(old, now=self._clock(), version=self._next_version))

    def _collect(self) -> None:
        """Remove what has lost its owners, and again what that owned, until nothing changes."""
        seen = -1
        while self._dependents and seen != self._version:
            seen = self._version
            living = {item["metadata"]["uid"] for item in self._objects.values()}
            for key in sorted(self._dependents):
                left = bookkeeping.disowned(self._objects[key], living, version=self._next_version)
                if left is None:
                    self._remove(key)
                elif left is not self._objects[key]:
                    self._record("MODIFIED", key, left)


def _is_wanted(key: Key, group_kind: GroupKind | None, namespace: str | None) -> bool:
    return group_kind in (None, key.group_kind) and namespace in (None, key.namespace)
