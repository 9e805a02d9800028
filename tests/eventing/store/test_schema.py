"""The way of the tables: every revision can be reached from every other, and the last is what the models say."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from eventing.errors import StoreUnavailable
from eventing.store import schema
from eventing.store.database import open_database
from eventing.store.errors import SchemaNotCurrent
from eventing.store.model import METADATA
from eventing.store.sql import SqlStore
from eventing.store.witness import CONFIG_MAPS, config_map

PLACES = (schema.BASE, *schema.revisions())


@pytest.fixture(params=["sqlite_url", "empty_postgres_url"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.mark.parametrize("there", PLACES)
@pytest.mark.parametrize("here", PLACES)
async def test_every_revision_leads_to_every_other(here: str, there: str, empty_url: str) -> None:
    """Up and down, and nowhere from where it is already; it says where it was and is."""
    database = open_database(empty_url)
    await database.write(lambda connection: schema.migrate(connection, here))
    told = await database.write(lambda connection: schema.migrate(connection, there))
    assert tuple(None if place == schema.BASE else place for place in (here, there)) == told
    left = await database.read(lambda connection: set(inspect(connection).get_table_names()) - {"alembic_version"})
    assert (there != schema.BASE) == bool(left)
    await database.close()


async def test_models_and_revisions_do_not_drift(empty_url: str) -> None:
    """What Alembic would have to change is nothing."""
    database = open_database(empty_url)
    await database.write(schema.migrate)

    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))

    assert [] == await database.read(differences)
    await database.close()


async def test_what_alembic_does_not_compare_does_not_drift_either(tmp_path: Path) -> None:
    """Primary keys, checks and foreign keys: SQLite keeps their text."""
    migrated, modelled = (open_database(f"sqlite:///{tmp_path / name}") for name in ("migrated", "modelled"))
    await migrated.write(schema.migrate)
    await modelled.write(METADATA.create_all)
    query = text("SELECT name, sql FROM sqlite_master WHERE name <> 'alembic_version' AND sql IS NOT NULL")

    def told(connection: Connection) -> dict[str, list[str]]:
        return {name: sorted(map(str.strip, sql.split("\n"))) for name, sql in connection.execute(query)}

    def without_commas(tables: dict[str, list[str]]) -> dict[str, list[str]]:
        return {name: sorted(line.rstrip(", ") for line in lines) for name, lines in tables.items()}

    assert without_commas(await modelled.read(told)) == without_commas(await migrated.read(told))
    await migrated.close()
    await modelled.close()


async def test_an_empty_file_gets_what_all_revisions_come_to(tmp_path: Path) -> None:
    """Tables, what is in them from the start, and Alembic's own: the next revision leads on from there."""
    migrated, prepared = (open_database(f"sqlite:///{tmp_path / name}") for name in ("migrated", "prepared"))
    await migrated.write(schema.migrate)
    await prepared.write(schema.prepare)

    def told(connection: Connection) -> tuple[object, ...]:
        words = connection.execute(text("SELECT sql FROM sqlite_master WHERE tbl_name = 'alembic_version'")).scalars()
        versions = connection.execute(text("SELECT id, version FROM revision")).all()
        names = sorted(inspect(connection).get_table_names())
        return names, versions, [" ".join((sql or "").split()) for sql in words], schema.current(connection)

    assert await migrated.read(told) == await prepared.read(told)
    await prepared.write(schema.prepare)
    assert (schema.REVISION, None) == await prepared.write(lambda one: schema.migrate(one, schema.BASE))
    await prepared.write(schema.prepare)
    assert await migrated.read(told) == await prepared.read(told)
    await migrated.close()
    await prepared.close()


async def test_a_migration_that_is_cut_short_leaves_nothing(empty_url: str) -> None:
    """Tables are made in a transaction, in SQLite too: the next start finds what was there before."""
    database = open_database(empty_url)

    def cut(connection: Connection) -> None:
        schema.migrate(connection)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await database.write(cut)
    assert [] == await database.read(lambda connection: inspect(connection).get_table_names())
    assert (None, schema.revisions()[-1]) == await database.write(schema.migrate)
    await database.close()


async def test_an_unknown_revision_is_refused(empty_url: str) -> None:
    """With the ones there are."""
    database = open_database(empty_url)
    with pytest.raises(SchemaNotCurrent, match="there is no revision 9999; there are base, 0001, "):
        await database.write(lambda connection: schema.migrate(connection, "9999"))
    await database.close()


async def test_a_server_refuses_a_database_that_is_not_current(empty_postgres_url: str) -> None:
    """And says what to run; several processes must not migrate each other's tables in passing."""
    with pytest.raises(SchemaNotCurrent, match=r"the database holds no tables, .* run `eventing migrate` first"):
        async with SqlStore(empty_postgres_url):
            pass
    database = open_database(empty_postgres_url)
    await database.write(schema.migrate)
    await database.close()
    async with SqlStore(empty_postgres_url) as store:
        await store.create(config_map())


async def test_a_file_of_a_newer_version_is_left_alone(sqlite_url: str) -> None:
    """Its tables are not known here."""
    database = open_database(sqlite_url)
    await database.write(schema.migrate)
    await database.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = 'x'")))
    await database.close()
    with pytest.raises(SchemaNotCurrent, match="at revision x, which a newer version made"):
        async with SqlStore(sqlite_url):
            pass


async def test_objects_outlive_a_second_start(sqlite_url: str) -> None:
    """The tables are made once."""
    async with SqlStore(sqlite_url) as store:
        created = await store.create(config_map())
    async with SqlStore(sqlite_url) as store:
        assert (created,) == (await store.list(CONFIG_MAPS)).items


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """SQLite's own words."""
    (tmp_path / "x").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        async with SqlStore(f"sqlite:///{tmp_path / 'x'}"):
            pass


async def test_a_file_may_be_looked_into_from_outside(sqlite_url: str) -> None:
    """While the server runs, with any SQLite."""
    async with SqlStore(sqlite_url) as store:
        await store.create(config_map())
        with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
            assert [("a",)] == connection.execute("SELECT name FROM objects").fetchall()
        connection.close()
        await store.create(config_map("b"))


def test_the_revision_to_work_with_is_the_last() -> None:
    """So that a start need not ask for it."""
    assert schema.REVISION == schema.revisions()[-1]
