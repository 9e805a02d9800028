"""Manifests into the store: at start, at every SIGHUP, and whenever the files change where that is watched."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Final

from dispatcher.tasks import every
from eventing import manifest
from eventing.apiserver.registry import Registry
from eventing.applier import Applied, apply
from eventing.errors import StoreUnavailable
from eventing.manifest import SUFFIXES, Document, ManifestError

WATCH_INTERVAL_S: Final = 0.5
"""How often files are looked at: an editor's save is seen before one has looked up."""
AWAY_PAUSE_S: Final = 2.0
"""Until what could not be stored is tried again."""

_Fingerprint = dict[Path, tuple[int, int, int]]

_log = logging.getLogger(__name__)


class Reloader:
    """Applies the same files again and again; with `prune` what they no longer hold is deleted.

    `together` is held while they are applied: they are judged by all at once.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        paths: Sequence[Path],
        prune: bool = False,
        together: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
        watch_interval_s: float = WATCH_INTERVAL_S,
        away_pause_s: float = AWAY_PAUSE_S,
    ) -> None:
        self._registry = registry
        self._paths = paths
        self._prune = prune
        self._together = together
        self._watch_interval_s = watch_interval_s
        self._away_pause_s = away_pause_s
        self._seen: _Fingerprint = {}
        self._requested = asyncio.Event()
        self._lock = asyncio.Lock()

    async def load(self) -> Applied:
        """Read and apply, before anything else runs: reading blocks. Raises ManifestError; then nothing was changed."""
        async with self._lock:
            self._seen = self._fingerprint()
            return await self._apply(manifest.read(self._paths, catalogue=self._registry.catalogue))

    def request(self) -> None:
        """Have `run` load again. Many requests while it loads make one."""
        self._requested.set()

    async def run(self) -> None:
        """Load whenever it was requested; what is wrong with the files is logged, and what was loaded before stays.
        While the store is away, a request waits for it.

        Until cancelled.
        """
        while True:
            await self._requested.wait()
            self._requested.clear()
            await self._reload()

    async def watch(self) -> None:
        """Request it whenever a file appears, changes or goes, once for each state of the files. Until cancelled."""
        await every(self._watch_interval_s, self._look)

    def _look(self) -> None:
        if not self._lock.locked() and self._fingerprint() != self._seen:
            self.request()

    async def _reload(self) -> None:
        """Load while events flow: thousands of Triggers take a second to read, which a thread does."""
        try:
            async with self._lock:
                # Looked at before they are read: a file that changes meanwhile is seen to have changed.
                self._seen = self._fingerprint()
                documents = await asyncio.to_thread(manifest.read, self._paths, catalogue=self._registry.catalogue)
                applied = await self._apply(documents)
        except ManifestError as error:
            for line in error.lines:
                _log.error("not reloaded: %s", line)
            return
        except StoreUnavailable as error:
            _log.warning("not reloaded yet: %s", error)
            await asyncio.sleep(self._away_pause_s)
            self.request()
            return
        counts = (len(applied.created), len(applied.updated), len(applied.deleted))
        _log.info("reloaded: %d created, %d updated, %d deleted", *counts)

    async def _apply(self, documents: Sequence[Document]) -> Applied:
        async with self._together():
            return await apply(self._registry, documents, prune=self._prune)

    def _fingerprint(self) -> _Fingerprint:
        """What tells one state of the files from another. What cannot be looked at is not there."""
        found = {}
        for file in self._files():
            try:
                status = file.stat()
            except OSError:
                continue
            found[file] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return found

    def _files(self) -> Iterator[Path]:
        for path in self._paths:
            if not path.is_dir():
                yield path
                continue
            try:
                yield from [child for child in path.iterdir() if child.suffix in SUFFIXES]
            except OSError:
                continue
