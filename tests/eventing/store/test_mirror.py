"""The objects of kinds that were listed, in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from eventing.errors import StoreUnavailable
from eventing.resources.identity import Key, Object
from eventing.store import mirror as subject
from eventing.store import schema, verb
from eventing.store.database import SqliteDatabase
from eventing.store.draft import Draft
from eventing.store.feed import KEPT_MAX, Feed
from eventing.store.mirror import Mirror, Row, Shelf
from eventing.store.page import Page
from eventing.store.row import ChangeRow, Codec
from eventing.store.table import Rows, keep, lock_version
from eventing.store.witness import CONFIG_MAPS, config_map

PLAIN = Codec(None)


def change(version: int, place: tuple[str, str], *, is_gone: bool = False, kind: str = "ConfigMap") -> ChangeRow:
    body = b'{"v":%d}' % version
    return ChangeRow(version, "DELETED" if is_gone else "MODIFIED", Key("", kind, *place), "u", body, None)


def shown(shelf: Shelf, namespace: str | None = None, after: Page | None = None, limit: int | None = None) -> list[str]:
    rows, left = shelf.page(namespace, after, limit)
    return [*(f"{row.key.namespace}/{row.key.name}" for row in rows), *([f"+{left}"] if left else [])]


_NAMES = st.sampled_from(["a", "a-b", "a.b", "b", "\u00e9", "\U0001f600"])
_STEPS = st.lists(st.tuples(st.tuples(_NAMES, _NAMES), st.booleans(), st.booleans()), max_size=40)


@given(steps=_STEPS, limit=st.integers(1, 5), namespace=st.none() | _NAMES)
def test_a_shelf_is_what_its_changes_made_of_it(
    steps: list[tuple[tuple[str, str], bool, bool]], limit: int, namespace: str | None
) -> None:
    """In the order of code points, whole or in pages, of all namespaces or one; other kinds only move its position."""
    shelf, model = Shelf(PLAIN, 0, ()), dict[tuple[str, str], int]()
    for version, (place, is_gone, is_other) in enumerate(steps, 1):
        kind = "Secret" if is_other else "ConfigMap"
        shelf.follow(CONFIG_MAPS, [change(version, place, is_gone=is_gone, kind=kind)])
        if is_other:
            continue
        model.pop(place, None)
        if not is_gone:
            model[place] = version
    wanted = sorted(place for place in model if namespace in (None, place[0]))
    rows, after = [], None
    while True:
        page, left = shelf.page(namespace, after, limit)
        rows += page
        assert left == len(wanted) - len(rows)
        if not left:
            break
        after = Page(0, page[-1].key.namespace, page[-1].key.name)
    assert [(*place, model[place]) for place in wanted] == [
        (row.key.namespace, row.key.name, row.item["v"]) for row in rows
    ]
    assert len(steps) == shelf.position


def test_what_was_made_of_an_object_is_found_until_it_changes() -> None:
    """And is no other's."""
    shelf = Shelf(PLAIN, 0, ())
    shelf.follow(CONFIG_MAPS, [change(1, ("a", "a")), change(2, ("a", "b"))])
    first, second = shelf.page(None, None, None)[0]
    first.views["table"] = b"row"
    assert ({"table": b"row"}, {}) == (first.views, second.views)
    shelf.follow(CONFIG_MAPS, [change(3, ("a", "b"))])
    again, changed = shelf.page(None, None, None)[0]
    assert (first.views, {}) == (again.views, changed.views)
    shelf.follow(CONFIG_MAPS, [change(4, ("a", "a"))])
    assert {} == shelf.page(None, None, None)[0][0].views


def test_a_row_gives_copies() -> None:
    """What is done to one is not seen in the next."""
    row = Row(PLAIN, Key("", "ConfigMap", "a", "a"), "u", b'{"v":{}}', None)
    row.item["v"]["x"] = 1
    assert ({"v": {}}, 8) == (row.item, row.size_bytes)


class Stage:
    """A database with tables, its feed, and a mirror; `create` commits, and tells the feed unless it is another's."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.database = database
        self.feed = Feed(database, 0, changes_max=100_000)
        self.mirror = Mirror(database, PLAIN, self.feed)
        self.loads = 0

    async def create(self, *names: str, is_told: bool = True) -> int:
        def write(connection: Connection) -> list[ChangeRow]:
            draft = Draft(Rows(connection, PLAIN), lock_version(connection))
            for name in names:
                verb.create(draft, self._item(name), uid=f"u-{name}", now="t")
            return keep(connection, PLAIN, draft.steps, draft.version, 100_000)

        logged = await self.database.write(write)
        if is_told:
            self.feed.offer(logged)
        return logged[-1].version

    async def read(self, ask: object) -> object:
        self.loads += 1
        return await SqliteDatabase.read(self.database, ask)  # type: ignore[arg-type]

    def _item(self, name: str) -> Object:
        return config_map(name, "a")


@pytest.fixture
async def stage(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """With an empty database."""
    database = SqliteDatabase(Path(sqlite_url.removeprefix("sqlite:///")))
    await database.write(schema.migrate)
    made = Stage(database)
    monkeypatch.setattr(database, "read", made.read)
    yield made
    await database.close()


async def test_a_kind_is_read_once_and_follows(stage: Stage) -> None:
    """Only the first list reads the table."""
    version = await stage.create("b", "a")
    assert ["a/a", "a/b"] == shown(await stage.mirror.shelf(CONFIG_MAPS, version))
    version = await stage.create("c")
    shelf = await stage.mirror.shelf(CONFIG_MAPS, version)
    assert (["a/a", "a/b", "a/c"], version, 1) == (shown(shelf), shelf.position, stage.loads)


async def test_who_is_far_behind_reads_the_kind_anew(stage: Stage) -> None:
    """Rather than more changes than are in memory."""
    await stage.mirror.shelf(CONFIG_MAPS, 0)
    version = await stage.create(*(f"n{number:04}" for number in range(KEPT_MAX + 1)))
    shelf = await stage.mirror.shelf(CONFIG_MAPS, version)
    assert (KEPT_MAX + 1, 2) == (len(shown(shelf)), stage.loads)


async def test_changes_that_are_forgotten_are_read_anew(stage: Stage) -> None:
    """However few they are."""
    await stage.mirror.shelf(CONFIG_MAPS, 0)
    version = await stage.create("a", "b")
    stage.feed.offer([change(version + 5, ("z", "z"), kind="Secret")])  # as after a gap: what came before is dropped
    stage.feed._append([change(version + 9, ("z", "z"), kind="Secret")])
    shelf = await stage.mirror.shelf(CONFIG_MAPS, version)
    assert ["a/a", "a/b"] == shown(shelf)


async def test_changes_that_do_not_come_are_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever for a feed that has died."""
    monkeypatch.setattr(subject, "FOLLOW_MAX_S", 0.01)
    await stage.mirror.shelf(CONFIG_MAPS, 0)
    version = await stage.create("a", is_told=False)
    with pytest.raises(StoreUnavailable):
        await stage.mirror.shelf(CONFIG_MAPS, version)
