"""Leases in SQL: a row for each name, locked by who takes it and shared by who writes under it."""

from typing import Final

from sqlalchemy import Connection, Row, bindparam, select, text, update

from eventing.errors import LeaseLost
from eventing.store.database import Database
from eventing.store.lease import Lease
from eventing.store.model import LEASES

_FIND: Final = select(LEASES.c.holder, LEASES.c.token, LEASES.c.expires_at_ms).where(LEASES.c.name == bindparam("name"))
_TAKE: Final = (
    update(LEASES)
    .where(LEASES.c.name == bindparam("wanted"))
    .values(holder=bindparam("by"), token=bindparam("number"), expires_at_ms=bindparam("until"))
)
_BEAR: Final = text(
    "INSERT INTO leases (name, holder, token, expires_at_ms) VALUES (:name, '', 0, 0) ON CONFLICT DO NOTHING"
)
_NOW_MS: Final = {
    # `clock_timestamp`, not `now`: the transaction may have waited for the row.
    "postgresql": text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"),
    "sqlite": text("SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"),
}


class SqlLeases:
    """See the contract. Each verb is a transaction of its own, and waits for no writer of objects but those that write
    under the same lease at this moment.
    """

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def acquire(self, name: str, holder: str, *, duration_s: float) -> Lease | None:
        """The first holder of a name makes its row, which stays."""
        return await self._database.write(lambda connection: _acquire(connection, name, holder, duration_s))

    async def renew(self, lease: Lease, *, duration_s: float) -> None:
        """The token stays."""
        await self._database.write(lambda connection: _renew(connection, lease, duration_s))

    async def release(self, lease: Lease) -> None:
        """The token stays, too: the next one is another."""
        await self._database.write(lambda connection: _release(connection, lease))


class Fences:
    """What one transaction has found out about leases, which cannot change hands until it ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_lost: dict[Lease, bool] = {}

    def check(self, lease: Lease | None) -> None:
        """Raise LeaseLost where it is another's; who holds none may write as well."""
        if lease is None:
            return
        if lease not in self._is_lost:
            row = self._connection.execute(_FIND.with_for_update(read=True), {"name": lease.name}).one_or_none()
            self._is_lost[lease] = not _is_held(row, lease)
        if self._is_lost[lease]:
            raise _lost(lease)


def _acquire(connection: Connection, name: str, holder: str, duration_s: float) -> Lease | None:
    row = _lock(connection, name)
    if row is None:
        connection.execute(_BEAR, {"name": name})
        row = _lock(connection, name)
        assert row is not None
    now_ms = _now_ms(connection)
    if row.holder not in ("", holder) and now_ms < row.expires_at_ms:
        return None
    lease = Lease(name, holder, row.token + 1)
    _take(connection, lease, holder, now_ms + round(duration_s * 1000))
    return lease


def _renew(connection: Connection, lease: Lease, duration_s: float) -> None:
    if not _is_held(_lock(connection, lease.name), lease):
        raise _lost(lease)
    _take(connection, lease, lease.holder, _now_ms(connection) + round(duration_s * 1000))


def _release(connection: Connection, lease: Lease) -> None:
    if _is_held(_lock(connection, lease.name), lease):
        _take(connection, lease, "", 0)


def _lock(connection: Connection, name: str) -> Row[str, int, int] | None:
    return connection.execute(_FIND.with_for_update(), {"name": name}).one_or_none()


def _take(connection: Connection, lease: Lease, holder: str, until_ms: int) -> None:
    values = {"wanted": lease.name, "by": holder, "number": lease.token, "until": until_ms}
    connection.execute(_TAKE, values)


def _is_held(row: Row[str, int, int] | None, lease: Lease) -> bool:
    return row is not None and (row.holder, row.token) == (lease.holder, lease.token)


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"the lease {lease.name} is no longer held by {lease.holder}")


def _now_ms(connection: Connection) -> int:
    """What the database's clock says."""
    found: int = connection.execute(_NOW_MS[connection.dialect.name]).scalar_one()
    return found
