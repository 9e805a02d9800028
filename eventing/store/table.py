"""The tables, asked and written over one connection: a shelf for drafts, and what keeps them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, tuple_, union, update

from eventing.resources.identity import GroupKind, Key, Object, key_of
from eventing.store.bookkeeping import owner_uids
from eventing.store.draft import Step
from eventing.store.model import CHANGES, OBJECTS, OWNERS, REVISION
from eventing.store.row import ChangeRow, Codec, change_columns, key_columns

SLICE: Final = 200
"""Rows to a statement: between two of them the event loop has its turn."""
_KEY: Final = (OBJECTS.c.api_group, OBJECTS.c.kind, OBJECTS.c.namespace, OBJECTS.c.name)
_OBJECT: Final = (*_KEY, OBJECTS.c.uid, OBJECTS.c.body, OBJECTS.c.key_id)
_CHANGE_KEY: Final = (CHANGES.c.api_group, CHANGES.c.kind, CHANGES.c.namespace, CHANGES.c.name)
ObjectRow = Row[str, str, str, str, str, bytes, str | None]
_Columns = dict[str, Any]
T = TypeVar("T")


def sliced(values: Iterable[T], size: int = SLICE) -> Iterator[list[T]]:
    """The values in lists of at most so many."""
    rest = iter(values)
    while piece := list(islice(rest, size)):
        yield piece


def read_version(connection: Connection) -> int:
    """The version of the store."""
    version: int = connection.execute(select(REVISION.c.version)).scalar_one()
    return version


def read_bounds(connection: Connection) -> tuple[int, int]:
    """The version after which all changes are known, and the latest one."""
    version = read_version(connection)
    oldest = connection.execute(select(func.min(CHANGES.c.version))).scalar_one()
    return version if oldest is None else oldest - 1, version


def lock_version(connection: Connection) -> int:
    """The version of the store, which nobody else changes until the transaction ends."""
    version: int = connection.execute(_LOCK).scalar_one()
    return version


def read_changes(connection: Connection, after: int, limit: int) -> list[ChangeRow]:
    """The changes after a version, the oldest first, as far as they are known."""
    columns = (CHANGES.c.version, CHANGES.c.type, CHANGES.c.uid, CHANGES.c.body, CHANGES.c.key_id, *_CHANGE_KEY)
    query = select(*columns).where(CHANGES.c.version > after).order_by(CHANGES.c.version).limit(limit)
    return [
        ChangeRow(version, change, Key(*key), uid, body, key_id)
        for version, change, uid, body, key_id, *key in connection.execute(query)
    ]


def read_key_ids(connection: Connection) -> list[str]:
    """The keys that something is encrypted with: objects, and what the log still tells of those that are gone."""
    queries = (select(table.c.key_id).where(table.c.key_id.is_not(None)) for table in (OBJECTS, CHANGES))
    return [key_id for (key_id,) in connection.execute(union(*queries)) if key_id is not None]


def read_object(connection: Connection, key: Key) -> ObjectRow | None:
    """The row of an object."""
    return connection.execute(_FIND, key_columns(key)).one_or_none()


def read_kind(connection: Connection, group_kind: GroupKind) -> Sequence[ObjectRow]:
    """The rows of all objects of a kind, by namespace and name."""
    return connection.execute(_OF_KIND, {"api_group": group_kind[0], "kind": group_kind[1]}).all()


def decoded(codec: Codec, row: ObjectRow) -> Object:
    """The object of a row."""
    group, kind, namespace, name, uid, body, key_id = row
    return codec.decode(Key(group, kind, namespace, name), uid, body, key_id)


_LOCK: Final = select(REVISION.c.version).with_for_update()
_LOG: Final = insert(CHANGES)
_PRUNE: Final = delete(CHANGES).where(CHANGES.c.version <= bindparam("last"))
_ADVANCE: Final = update(REVISION).values(version=bindparam("latest"))
_BEAR: Final = insert(OBJECTS)
_CHANGE: Final = update(OBJECTS).where(OBJECTS.c.uid == bindparam("old_uid"))
_REMOVE: Final = delete(OBJECTS).where(OBJECTS.c.uid == bindparam("old_uid"))
_OWN: Final = insert(OWNERS)
_DISOWN: Final = delete(OWNERS).where(OWNERS.c.uid == bindparam("old_uid"))
_OF_KIND: Final = (
    select(*_OBJECT)
    .where(*(column == bindparam(column.name) for column in _KEY[:2]))
    .order_by(OBJECTS.c.namespace, OBJECTS.c.name)
)
_FIND: Final = select(*_OBJECT).where(*(column == bindparam(column.name) for column in _KEY))


class Rows:
    """The objects as one connection sees them. See `draft.Shelf`."""

    def __init__(self, connection: Connection, codec: Codec) -> None:
        self._connection = connection
        self._codec = codec

    def read(self, keys: Collection[Key]) -> dict[Key, Object]:
        """One statement for a slice of keys."""
        if len(keys) == 1:
            (key,) = keys
            row = read_object(self._connection, key)
            return {key: decoded(self._codec, row)} if row else {}
        found: list[Object] = []
        for piece in sliced(keys):
            wanted = [(key.group, key.kind, key.namespace, key.name) for key in piece]
            found += self._items(tuple_(*_KEY).in_(wanted))
        return {key_of(item): item for item in found}

    def having(self, uids: Collection[str]) -> list[Object]:
        """One statement for a slice of uids."""
        return [item for piece in sliced(uids) for item in self._items(OBJECTS.c.uid.in_(piece))]

    def owned_by(self, uids: Collection[str]) -> list[Object]:
        """The same."""
        found: dict[str, Object] = {}
        for piece in sliced(uids):
            owned = select(OWNERS.c.uid).where(OWNERS.c.owner_uid.in_(piece))
            found |= {item["metadata"]["uid"]: item for item in self._items(OBJECTS.c.uid.in_(owned))}
        return list(found.values())

    def within(self, namespace: str) -> list[Object]:
        """All at once."""
        return self._items(OBJECTS.c.namespace == namespace)

    def count(self, namespace: str) -> int:
        """Without reading them."""
        query = select(func.count()).select_from(OBJECTS).where(OBJECTS.c.namespace == namespace)
        return self._connection.execute(query).scalar_one()

    def _items(self, where: Any) -> list[Object]:
        rows = self._connection.execute(select(*_OBJECT).where(where))
        return [decoded(self._codec, row) for row in rows]


def keep(
    connection: Connection, codec: Codec, steps: Sequence[Step], version: int, changes_max: int
) -> list[ChangeRow]:
    """Write what a draft has done, the last of it bearing that version; return the changes as they are logged."""
    first = version - len(steps) + 1
    logged: list[ChangeRow] = []
    ends: dict[Key, tuple[Object | None, ChangeRow, Step]] = {}
    for piece in sliced(zip(steps, range(first, version + 1), strict=True)):
        rows = [codec.change(step, number) for step, number in piece]
        for row, (step, _) in zip(rows, piece, strict=True):
            old = ends[row.key][0] if row.key in ends else step.old
            ends[row.key] = (old, row, step)
        connection.execute(_LOG, [change_columns(row) for row in rows])
        logged += rows
    for some in sliced(ends.values()):
        _keep_objects(connection, some)
    connection.execute(_ADVANCE, {"latest": version})
    connection.execute(_PRUNE, {"last": version - changes_max})
    return logged


def _keep_objects(connection: Connection, ends: Sequence[tuple[Object | None, ChangeRow, Step]]) -> None:
    """Bring the tables from what was there to what is."""
    gone: list[_Columns] = []
    changed: list[_Columns] = []
    born: list[_Columns] = []
    owned: list[tuple[str, frozenset[str]]] = []
    for old, row, step in ends:
        was = old["metadata"]["uid"] if old else None
        now = None if row.type == "DELETED" else row.uid
        if was is not None and was != now:
            gone.append({"old_uid": was})
        if now is None:
            continue
        (changed if was == now else born).append(_object_columns(row, is_old=was == now))
        if was != now or owner_uids(step.item) != owner_uids(old or {"metadata": {}}):
            owned.append((row.uid, owner_uids(step.item)))
    _many(connection, _REMOVE, gone)
    _many(connection, _CHANGE, changed)
    _many(connection, _BEAR, born)
    _many(
        connection, delete(OWNERS).where(OWNERS.c.uid == bindparam("old_uid")), [{"old_uid": uid} for uid, _ in owned]
    )
    _many(connection, _OWN, [{"owner_uid": owner, "uid": uid} for uid, owners in owned for owner in owners])


def _object_columns(row: ChangeRow, *, is_old: bool) -> _Columns:
    values = {"body": row.body, "key_id": row.key_id}
    return values | ({"old_uid": row.uid} if is_old else {"uid": row.uid, **key_columns(row.key)})


def _many(connection: Connection, statement: Any, rows: list[_Columns]) -> None:
    if rows:
        connection.execute(statement, rows)
