"""Runs sources, each in one of several processes: whichever holds its lease."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from dispatcher.tasks import supervise
from eventing.resources.identity import GroupKind, Key, Object, key_of
from eventing.store.lease import Lease, Leases
from eventing.tenure import Tenure

Adapter = Callable[[Object, Lease], Awaitable[None]]
"""Does what a source says until it is cancelled. What it writes down of itself it writes under the lease."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A source at work, or waiting to be, as its resource was then."""

    version: tuple[str, int]
    task: asyncio.Task[None]


class SourceKeeper:
    """`want` says which sources there are; `run` keeps what was begun until it is cancelled."""

    def __init__(
        self, leases: Leases, holder: str, *, duration_s: float, adapters: Mapping[GroupKind, Adapter]
    ) -> None:
        self._leases = leases
        self._holder = holder
        self._duration_s = duration_s
        self._adapters = adapters
        self._wanted: dict[Key, Object] = {}
        self._kept: dict[Key, _Kept] = {}
        self._changed = asyncio.Event()

    @property
    def kinds(self) -> frozenset[GroupKind]:
        """Of the sources that can be run."""
        return frozenset(self._adapters)

    def want(self, items: Iterable[Object]) -> None:
        """These sources are to run, and no others. Those of other kinds are passed over."""
        found = {key_of(item): item for item in items}
        self._wanted = {key: item for key, item in found.items() if key.group_kind in self._adapters}
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled: then all end, and their leases are let go."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._end([key for key, kept in self._kept.items() if not self._is_current(key, kept)])
                for key, item in self._wanted.items():
                    if key not in self._kept:
                        self._kept[key] = self._begin(key, item)
        finally:
            await self._end([*self._kept])

    def _begin(self, key: Key, item: Object) -> _Kept:
        """Another spec is another run, perhaps elsewhere."""
        name, adapter = f"source {key.kind} {key.namespace}/{key.name}", self._adapters[key.group_kind]
        tenure = Tenure(
            self._leases,
            name,
            self._holder,
            duration_s=self._duration_s,
            is_fenced=False,  # what it asks and sends by HTTP goes past the store
            work=lambda lease: adapter(item, lease),
        )
        return _Kept(_version(item), asyncio.create_task(supervise(name, tenure.run), name=name))

    def _is_current(self, key: Key, kept: _Kept) -> bool:
        item = self._wanted.get(key)
        return item is not None and _version(item) == kept.version

    async def _end(self, keys: Iterable[Key]) -> None:
        tasks = [self._kept.pop(key).task for key in keys]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _version(item: Object) -> tuple[str, int]:
    metadata = item["metadata"]
    return metadata["uid"], metadata["generation"]
