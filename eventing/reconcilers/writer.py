"""Writes what a turn found into the store, and lets the world see what became of it."""

import asyncio
import logging
from typing import Final

from eventing.errors import AlreadyExists, Conflict, Forbidden, LeaseLost, NotFound
from eventing.pen import Pen
from eventing.reconcilers.turn import Turn
from eventing.resources.identity import Key, Object, key_of
from eventing.store.contract import Store
from eventing.world import World

BATCH_STATUSES: Final = 200
"""Statuses in one transaction: some milliseconds."""

_log = logging.getLogger(__name__)


class Writer:
    """What others changed meanwhile is left alone: the store's watch brings it, and it is looked at anew.

    Without the pen nothing is written: whoever has it finds the same.
    """

    def __init__(self, pen: Pen, world: World) -> None:
        self._pen = pen
        self._world = world

    async def write(self, turn: Turn) -> set[Key]:
        """Children, specs, then statuses. Returns the keys of those whose content changed by it, to be looked at again.
        Raises StoreUnavailable.
        """
        store = self._pen.store
        if store is None:
            return set()
        try:
            return await self._write(store, turn)
        except LeaseLost as error:
            _log.info("statuses are another process's to write: %s", error)
            self._pen.drop()
            turn.undo()
            return set()

    async def _write(self, store: Store, turn: Turn) -> set[Key]:
        created = [await self._create(store, item) for item in turn.creations]
        updated = [await self._update(store, item) for item in turn.updates]
        for start in range(0, len(turn.statuses), BATCH_STATUSES):
            for result in await store.update_statuses(turn.statuses[start : start + BATCH_STATUSES]):
                if not isinstance(result, Conflict | NotFound):
                    self._see(result)
            await asyncio.sleep(0)
        return {key for key in (*created, *updated) if key is not None}

    async def _create(self, store: Store, item: Object) -> Key | None:
        try:
            return self._see(await store.create(item))
        except (AlreadyExists, Forbidden):
            return None

    async def _update(self, store: Store, item: Object) -> Key | None:
        try:
            return self._see(await store.update(item))
        except (Conflict, NotFound):
            return None

    def _see(self, item: Object) -> Key:
        key = key_of(item)
        self._world.put(key, item)
        return key
