"""The tables, asked and written over one connection."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from eventing.resources.identity import GroupKind, Object, key_of
from eventing.store import schema, verb
from eventing.store.database import SqliteDatabase
from eventing.store.draft import Draft
from eventing.store.model import CHANGES, OBJECTS, OWNERS
from eventing.store.row import Codec
from eventing.store.table import (
    Rows,
    keep,
    lock_version,
    read_bounds,
    read_changes,
    read_key_ids,
    read_kind,
    read_object,
    read_version,
    sliced,
)
from eventing.store.witness import CONFIG_MAPS, config_map, owned_by

PLAIN = Codec(None)


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[SqliteDatabase]:
    """Tables with nothing in them."""
    database = SqliteDatabase(Path(sqlite_url.removeprefix("sqlite:///")))
    await database.write(schema.migrate)
    yield database
    await database.close()


def draft_over(connection: Connection) -> Draft:
    return Draft(Rows(connection, PLAIN), lock_version(connection))


def kept(connection: Connection, draft: Draft, changes_max: int = 100) -> int:
    return len(keep(connection, PLAIN, draft.steps, draft.version, changes_max))


def create(draft: Draft, item: Object, uid: str) -> Object:
    return verb.create(draft, item, uid=uid, now="t")


def remove(draft: Draft, item: Object) -> Object:
    key = key_of(item)
    return verb.delete(draft, key, uid=None, resource_version=None, propagation="Background", now="t")


async def test_what_comes_and_goes_in_one_transaction_leaves_its_changes(database: SqliteDatabase) -> None:
    """Created and deleted, deleted and created again, changed twice: objects are as at the end, changes are all."""

    def begin(connection: Connection) -> None:
        draft = draft_over(connection)
        owner = create(draft, config_map("owner"), "o")
        create(draft, owned_by(owner, name="again"), "first")
        create(draft, config_map("changed"), "c")
        kept(connection, draft)

    def act(connection: Connection) -> int:
        draft = draft_over(connection)
        remove(draft, create(draft, config_map("brief"), "b"))
        remove(draft, config_map("again"))
        create(draft, config_map("again", key="2"), "second")
        verb.update(draft, config_map("changed", key="1"), now="t")
        verb.update(draft, config_map("changed", key="2"), now="t")
        return kept(connection, draft)

    def look(connection: Connection) -> tuple[list[str], int, int, int]:
        uids = [row.uid for row in connection.execute(select(OBJECTS.c.uid).order_by(OBJECTS.c.name))]
        owners = connection.execute(select(func.count()).select_from(OWNERS)).scalar_one()
        changes = connection.execute(select(func.count()).select_from(CHANGES)).scalar_one()
        return uids, owners, changes, read_version(connection)

    await database.write(begin)
    assert 6 == await database.write(act)
    assert (["second", "c", "o"], 0, 9, 9) == await database.read(look)


async def test_owners_follow_the_object(database: SqliteDatabase) -> None:
    """Who depends on whom is asked by owner; an update that changes no owner leaves them."""

    def act(connection: Connection) -> None:
        draft = draft_over(connection)
        one, two = create(draft, config_map("one"), "1"), create(draft, config_map("two"), "2")
        create(draft, owned_by(one, two, name="child"), "c")
        kept(connection, draft)
        assert ["c"] == [item["metadata"]["uid"] for item in Rows(connection, PLAIN).owned_by({"1", "2"})]
        draft = draft_over(connection)
        verb.update(draft, owned_by(two, name="child") | {"data": {"x": "1"}}, now="t")
        kept(connection, draft)
        assert [] == Rows(connection, PLAIN).owned_by({"1"})
        assert 1 == len(Rows(connection, PLAIN).owned_by({"2"}))

    await database.write(act)


async def test_many_are_asked_for_in_slices(database: SqliteDatabase) -> None:
    """More than a database takes in one statement."""

    def act(connection: Connection) -> None:
        draft = draft_over(connection)
        items = [create(draft, config_map(f"m{number}"), f"u{number}") for number in range(1000)]
        kept(connection, draft, 2000)
        rows = Rows(connection, PLAIN)
        assert {key_of(item): item for item in items} == rows.read([*map(key_of, items), key_of(config_map("none"))])
        assert 1000 == len(rows.having([f"u{number}" for number in range(40_000)]))
        assert {} == rows.read([])
        assert (1000, 1000) == (rows.count("default"), len(rows.within("default")))
        assert 0 == rows.count("other")

    await database.write(act)


async def test_changes_are_forgotten_beyond_their_bound(database: SqliteDatabase) -> None:
    """In the transaction that makes them too many; of those that are left there are no gaps."""

    def act(connection: Connection) -> None:
        assert (0, 0) == read_bounds(connection)
        for number in range(5):
            draft = draft_over(connection)
            create(draft, config_map(f"m{number}"), f"u{number}")
            kept(connection, draft, 3)
        assert (2, 5) == read_bounds(connection)
        assert [3, 4] == [row.version for row in read_changes(connection, 0, 2)]
        assert [5] == [row.version for row in read_changes(connection, 4, 9)]

    await database.write(act)


async def test_a_kind_is_read_in_the_order_of_lists(database: SqliteDatabase) -> None:
    """By namespace and name; of another kind there is none."""

    def act(connection: Connection) -> None:
        draft = draft_over(connection)
        for number, (space, name) in enumerate((("a", "b"), ("b", "a"), ("a", "a"))):
            create(draft, config_map(name, space), f"u{number}")
        kept(connection, draft)
        rows = read_kind(connection, CONFIG_MAPS)
        assert [("a", "a"), ("a", "b"), ("b", "a")] == [(row.namespace, row.name) for row in rows]
        assert [] == read_kind(connection, GroupKind("x", "ConfigMap"))
        assert read_object(connection, key_of(config_map("a", "b"))) is not None
        assert read_object(connection, key_of(config_map("c", "b"))) is None
        assert [] == read_key_ids(connection)

    await database.write(act)


def test_slices_are_the_whole() -> None:
    """In order, none empty."""
    assert [[0, 1], [2, 3], [4]] == list(sliced(range(5), 2))
    assert [] == list(sliced([], 2))
