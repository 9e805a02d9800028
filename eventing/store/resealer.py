"""Writes Secrets anew with the first key: those that were stored plainly, or with a key that is on its way out.

What is left to do stands in the rows themselves, so it may end at any moment and go on at the next start. An object
stays what it was, with its version: nobody who watches is told. Source: the rotation of keys in Kubernetes, where
all Secrets are to be replaced by themselves.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, bindparam, or_, select, update

from eventing.errors import StoreUnavailable
from eventing.resources.identity import Key
from eventing.store.database import Database
from eventing.store.errors import SecretDamaged, SecretKeyWrong
from eventing.store.model import CHANGES, OBJECTS
from eventing.store.row import SECRET, Codec
from eventing.store.table import lock_version

SLICE: Final = 50
"""Secrets to a transaction: other writers wait for it."""
PAUSE_S: Final = 0.05
"""Between two of them, others have their turn."""
AWAY_S: Final = 5.0
"""Before the next attempt, while the database is away."""

_log = logging.getLogger(__name__)


class Resealer:
    """Of one database. It has nothing to do where there is no key."""

    def __init__(self, database: Database, codec: Codec) -> None:
        self._database = database
        self._codec = codec

    async def run(self) -> None:
        """Until there is no more to do. A Secret that cannot be opened is logged, and stays as it is."""
        if self._codec.key_id is None:
            return
        count = 0
        for table, order in ((OBJECTS, OBJECTS.c.uid), (CHANGES, CHANGES.c.version)):
            count += await self._reseal(table, order)
        if count:
            _log.info("what was stored of Secrets, %d rows, is encrypted with the key %s", count, self._codec.key_id)

    async def _reseal(self, table: Table, order: Column[Any]) -> int:
        """All of a table, a slice at a time; returns how many rows."""
        count, last = 0, None
        while True:
            try:
                done, last = await self._database.write(self._slice(table, order, last))
            except StoreUnavailable as error:
                _log.debug("Secrets are encrypted later: %s", error)
                await asyncio.sleep(AWAY_S)
                continue
            count += done
            if last is None:
                return count
            await asyncio.sleep(PAUSE_S)

    def _slice(self, table: Table, order: Column[Any], last: Any) -> Callable[[Connection], tuple[int, Any]]:
        columns = (order, table.c.api_group, table.c.kind, table.c.namespace, table.c.name, table.c.uid)
        is_secret = (table.c.api_group == SECRET.group) & (table.c.kind == SECRET.kind)
        is_stale = or_(table.c.key_id.is_(None), table.c.key_id != self._codec.key_id)
        stale = select(*columns, table.c.body, table.c.key_id).where(is_secret, is_stale).order_by(order).limit(SLICE)
        stale = stale if last is None else stale.where(order > last)
        renew = update(table).where(order == bindparam("place"))

        def write(connection: Connection) -> tuple[int, Any]:
            """How many rows were written, and the last that was looked at: None where none is left."""
            lock_version(connection)  # every writer holds it: nobody changes these rows meanwhile
            place, renewed = None, []
            for place, group, kind, namespace, name, uid, body, key_id in connection.execute(stale).all():
                fresh = self._sealed(Key(group, kind, namespace, name), uid, body, key_id)
                if fresh is not None:
                    renewed.append({"place": place, "body": fresh, "key_id": self._codec.key_id})
            if renewed:
                connection.execute(renew, renewed)
            return len(renewed), place

        return write

    def _sealed(self, key: Key, uid: str, body: bytes, key_id: str | None) -> bytes | None:
        try:
            return self._codec.encode(self._codec.decode(key, uid, body, key_id))[0]
        except (SecretDamaged, SecretKeyWrong) as error:
            _log.error("%s stays as it is stored: %s", key, error)
            return None
