"""The store in memory: for a server whose resources come from files, and for tests."""

import asyncio
import copy
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Self

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
        self._log = _Log(changes_max)
        self._clock = clock

    async def get(self, key: Key) -> Object:
        """See the contract, as for all verbs."""
        return copy.deepcopy(self._stored(key))

    async def list(self, group_kind: GroupKind, namespace: str | None = None) -> Listing:
        """Cost grows with all objects in the store."""
        keys = sorted(key for key in self._objects if _is_wanted(key, group_kind, namespace))
        return Listing(tuple(copy.deepcopy(self._objects[key]) for key in keys), str(self._log.version))

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
        position = self._log.version if since is None else int(since)
        self._log.check(position)
        yield _Watch(self._log, position, group_kind, namespace)

    @property
    def _next_version(self) -> str:
        return str(self._log.version + 1)

    def _stored(self, key: Key) -> Object:
        if key not in self._objects:
            raise NotFound(f"{key} not found")
        return self._objects[key]

    def _record(self, change: ChangeType, key: Key, item: Object) -> None:
        """Make a change that bears the next version, and let the watchers see it."""
        self._dependents.discard(key)
        if change == "DELETED":
            del self._objects[key]
        else:
            self._objects[key] = item
            if item["metadata"].get("ownerReferences"):
                self._dependents.add(key)
        self._log.append(key, Change(change, item))

    def _remove(self, key: Key) -> None:
        old = self._objects[key]
        if not bookkeeping.finalizers(old):
            self._record("DELETED", key, bookkeeping.removed(old, version=self._next_version))
        elif not bookkeeping.is_deleting(old):
            self._record("MODIFIED", key, bookkeeping.marked(old, now=self._clock(), version=self._next_version))

    def _collect(self) -> None:
        """Remove what has lost its owners, and again what that owned, until nothing changes."""
        seen = -1
        while self._dependents and seen != self._log.version:
            seen = self._log.version
            living = {item["metadata"]["uid"] for item in self._objects.values()}
            for key in sorted(self._dependents):
                left = bookkeeping.disowned(self._objects[key], living, version=self._next_version)
                if left is None:
                    self._remove(key)
                elif left is not self._objects[key]:
                    self._record("MODIFIED", key, left)


class _Log:
    """The latest changes; each has the version that it made."""

    def __init__(self, changes_max: int) -> None:
        self.version = 0
        self._changes: deque[tuple[Key, Change]] = deque(maxlen=changes_max)
        self._changed = asyncio.Event()

    def append(self, key: Key, change: Change) -> None:
        self.version += 1
        self._changes.append((key, change))
        self._changed.set()
        self._changed = asyncio.Event()

    def check(self, position: int) -> None:
        if not self.version - len(self._changes) <= position <= self.version:
            raise Expired(f"changes since version {position} are not known; the store is at {self.version}")

    async def after(self, position: int) -> tuple[Key, Change]:
        while position == self.version:
            await self._changed.wait()
        self.check(position)
        return self._changes[position - self.version]


class _Watch:
    """One reader of the log. What it has not returned it will: a cancelled read moves nothing."""

    def __init__(self, log: _Log, position: int, group_kind: GroupKind | None, namespace: str | None) -> None:
        self._log = log
        self._position = position
        self._group_kind = group_kind
        self._namespace = namespace

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        while True:
            key, change = await self._log.after(self._position)
            self._position += 1
            if _is_wanted(key, self._group_kind, self._namespace):
                return Change(change.type, copy.deepcopy(change.item))


def _is_wanted(key: Key, group_kind: GroupKind | None, namespace: str | None) -> bool:
    return group_kind in (None, key.group_kind) and namespace in (None, key.namespace)
