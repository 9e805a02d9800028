"""Manifests into the store: at start, at every SIGHUP, and whenever the files change where that is watched."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dispatcher.tasks import every
from eventing import manifest
from eventing.manifest import Applied, ManifestError
from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Key
from eventing.store.contract import Store

WATCH_INTERVAL_S: Final = 0.5

_log = logging.getLogger(__name__)


class Reloader:
    """Applies the same files again and again; what they no longer hold is deleted."""

    def __init__(self, *, store: Store, catalogue: Catalogue, paths: Sequence[Path]) -> None:
        self._store = store
        self._catalogue = catalogue
        self._paths = paths
        self._keys: frozenset[Key] = frozenset()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    async def load(self) -> Applied:
        """Read and apply. Raises ManifestError; then nothing was changed."""
        async with self._lock:
            documents = manifest.read(self._paths, catalogue=self._catalogue)
            applied = await manifest.apply(
                self._store, documents, catalogue=self._catalogue, previous=self._keys
            )
            self._keys = applied.keys
            return applied

    def request(self) -> None:
        """Load again soon; what is wrong with the files is logged, and what was loaded before stays."""
        task = asyncio.create_task(self._reload())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def watch(self) -> None:
        """Load again whenever a file appears, changes or goes. Until cancelled."""
        seen = self._fingerprint()

        async def look() -> None:
            nonlocal seen
            found = self._fingerprint()
            if found != seen:
                seen = found
                await self._reload()

        await every(WATCH_INTERVAL_S, look)

    async def _reload(self) -> None:
        try:
            applied = await self.load()
        except ManifestError as error:
            for line in error.lines:
                _log.error("not reloaded: %s", line)
            return
        _log.info(
            "reloaded: %d created, %d updated, %d deleted",
            len(applied.created),
            len(applied.updated),
            len(applied.deleted),
        )

    def _fingerprint(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for path in self._paths:
            for file in (path, *path.iterdir()) if path.is_dir() else (path,):
                try:
                    status = file.stat()
                except FileNotFoundError:
                    continue
                found[file] = (status.st_mtime_ns, status.st_size)
        return found
