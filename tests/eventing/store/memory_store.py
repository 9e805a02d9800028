"""The store in memory, for tests of what stores nothing itself: no file, no thread, no server."""

import asyncio
import copy
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from eventing.errors import Expired, NotFound
from eventing.resources.identity import GroupKind, Key, Object
from eventing.store import verb
from eventing.store.bookkeeping import owner_uids
from eventing.store.contract import Change, Changes, Listing, Propagation, Scan, Written
from eventing.store.draft import Draft, Step
from eventing.store.page import Page, page_of, position_of, token_of
from eventing.store.sql import CHANGES_MAX, timestamp

T = TypeVar("T")


class MemoryStore:
    """Resources in a dict, changes in a bounded log that watchers read at their own pace. Gone with the process."""

    def __init__(self, *, changes_max: int = CHANGES_MAX, clock: Callable[[], str] = timestamp) -> None:
        self._shelf = _Shelf()
        self._log = _Log(changes_max)
        self._clock = clock

    async def version(self) -> str:
        """See the contract, as for all verbs."""
        return str(self._log.version)

    async def get(self, key: Key) -> Object:
        """A copy."""
        if key not in self._shelf.objects:
            raise NotFound(f"{key} not found")
        return copy.deepcopy(self._shelf.objects[key])

    async def list(
        self,
        group_kind: GroupKind,
        namespace: str | None = None,
        *,
        limit: int | None = None,
        continue_token: str = "",
    ) -> Listing:
        """Cost grows with all objects in the store."""
        scan = await self.scan(group_kind, namespace, limit=limit, continue_token=continue_token)
        return Listing(tuple(row.item for row in scan.rows), scan.resource_version, scan.continue_token, scan.remaining)

    async def scan(
        self,
        group_kind: GroupKind,
        namespace: str | None = None,
        *,
        limit: int | None = None,
        continue_token: str = "",
    ) -> Scan:
        """What is made of rows is never found again."""
        page = page_of(continue_token, group_kind, namespace) if continue_token else None
        if page:
            self._log.check(page.version)
        version = page.version if page else self._log.version
        keys = sorted(key for key in self._shelf.objects if _is_wanted(key, group_kind, namespace))
        if page:
            keys = [key for key in keys if (key.namespace, key.name) > (page.namespace, page.name)]
        shown, left = keys[:limit], keys[len(keys[:limit]) :]
        rows = tuple(_Row(copy.deepcopy(self._shelf.objects[key])) for key in shown)
        if not shown or not left:
            return Scan(rows, str(version))
        last = Page(version, shown[-1].namespace, shown[-1].name)
        return Scan(rows, str(version), token_of(last, group_kind, namespace), len(left))

    async def create(self, item: Object, *, dry_run: bool = False) -> Object:
        """The uid is random."""
        uid, now = str(uuid.uuid4()), self._clock()
        return self._do(lambda draft: verb.create(draft, item, uid=uid, now=now), dry_run=dry_run)

    async def update(self, item: Object, *, dry_run: bool = False) -> Object:
        """An object whose last finalizer leaves is returned as it was removed."""
        now = self._clock()
        return self._do(lambda draft: verb.update(draft, item, now=now), dry_run=dry_run)

    async def update_status(self, item: Object, *, dry_run: bool = False) -> Object:
        """Of `item` only what the contract names is read."""
        return self._do(lambda draft: verb.update_status(draft, item), dry_run=dry_run)

    async def update_statuses(self, items: Sequence[Object]) -> Written:
        """One after the other."""
        return self._do(lambda draft: verb.update_statuses(draft, items))

    async def delete(
        self,
        key: Key,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
        dry_run: bool = False,
    ) -> Object:
        """What the object owned has gone, or is marked, before this returns."""
        now = self._clock()
        return self._do(
            lambda draft: verb.delete(
                draft, key, uid=uid, resource_version=resource_version, propagation=propagation, now=now
            ),
            dry_run=dry_run,
        )

    @asynccontextmanager
    async def watch(
        self, group_kind: GroupKind | None = None, *, namespace: str | None = None, since: str | None = None
    ) -> AsyncIterator[Changes]:
        """Readers that fall `changes_max` behind find their watch expired."""
        position = self._log.version if since is None else position_of(since)
        self._log.check(position)
        yield _Watch(self._log, position, group_kind, namespace)

    def _do(self, ask: Callable[[Draft], T], *, dry_run: bool = False) -> T:
        """Draft it, then keep it."""
        draft = Draft(self._shelf, self._log.version)
        answer = ask(draft)
        for step in () if dry_run else draft.steps:
            self._shelf.put(step)
            self._log.append(step.key, Change(step.type, step.item))
        return copy.deepcopy(answer)


@dataclass
class _Row:
    item: Object
    views: dict[Hashable, Any] = field(default_factory=dict)


class _Shelf:
    """The objects as they are. See `Shelf`."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}

    def put(self, step: Step) -> None:
        if step.type == "DELETED":
            del self.objects[step.key]
        else:
            self.objects[step.key] = step.item

    def read(self, keys: Collection[Key]) -> dict[Key, Object]:
        return {key: self.objects[key] for key in keys if key in self.objects}

    def having(self, uids: Collection[str]) -> list[Object]:
        return [item for item in self.objects.values() if item["metadata"]["uid"] in uids]

    def owned_by(self, uids: Collection[str]) -> list[Object]:
        return [item for item in self.objects.values() if not owner_uids(item).isdisjoint(uids)]

    def within(self, namespace: str) -> list[Object]:
        return [item for key, item in self.objects.items() if key.namespace == namespace]

    def count(self, namespace: str) -> int:
        return sum(key.namespace == namespace for key in self.objects)


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

    @property
    def resource_version(self) -> str:
        return str(self._position)

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
