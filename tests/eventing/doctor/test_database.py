import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from eventing.doctor.database import database_subject, examine_database
from eventing.doctor.finding import Finding
from eventing.store import schema
from eventing.store.database import open_database
from tests.eventing.doctor.seen import findings, unwell, words
from tests.rig.postgres import Postgres
from tests.rig.proxy import Proxy

TIMEOUT_S = 5.0


async def look(url: str, timeout_s: float = TIMEOUT_S) -> list[Finding]:
    """At the database."""
    return await findings(examine_database(url, timeout_s))


async def migrate(url: str) -> None:
    """To this program's tables."""
    database = open_database(url)
    await database.write(schema.migrate)
    await database.close()


def test_a_report_names_it_without_its_password() -> None:
    """Which stands in it."""
    assert "database postgresql://u:***@h/n" == database_subject("postgresql://u:secret@h/n")


async def test_a_migrated_postgresql_is_well(postgres: Postgres) -> None:
    """But for the durability that tests do without."""
    url = postgres.database("doctor")
    await migrate(url)
    found = await look(url)
    assert {"database-durability": "warning"} == unwell(found)
    assert "fsync = off: a crash of its machine takes resources along, or damages the database" == words(
        found, "database-durability"
    )
    assert {"database-notices", "database-clock", "database-rights"} <= {one.check.value for one in found}


async def test_an_empty_postgresql_is_to_be_migrated(postgres: Postgres) -> None:
    """As `serve` will say."""
    found = unwell(await look(postgres.database("doctor_empty")))
    assert "failure" == found["database-tables"]
    assert "database-rights" not in found


async def test_a_user_without_rights_is_told_which(postgres: Postgres) -> None:
    """On tables, and in a schema that has none."""
    url = postgres.database("doctor_rights")
    postgres.query(
        "doctor_rights",
        "DROP ROLE IF EXISTS clerk; CREATE ROLE clerk LOGIN; REVOKE CREATE ON SCHEMA public FROM public",
    )
    theirs = url.replace("postgres@", "clerk@")
    assert "failure" == unwell(await look(theirs))["database-rights"]
    await migrate(url)
    postgres.query("doctor_rights", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk")
    found = await look(theirs)
    assert "failure" == unwell(found)["database-rights"]
    assert "objects: DELETE, INSERT, UPDATE" in words(found, "database-rights")
    postgres.query("doctor_rights", "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM clerk")
    assert "alembic_version: SELECT" in words(await look(theirs), "database-rights")


async def test_a_read_only_user_is_told(postgres: Postgres) -> None:
    """It reads, and the server would not work."""
    url = postgres.database("doctor_read_only")
    await migrate(url)
    postgres.query("doctor_read_only", "ALTER DATABASE doctor_read_only SET default_transaction_read_only = on")
    assert "failure" == unwell(await look(url))["database-writable"]


@pytest.mark.parametrize("url", ["postgresql://u:secret@127.0.0.1:1/x", "postgresql://nowhere.invalid/x"])
async def test_one_that_is_away_is_a_failure(url: str) -> None:
    """With the system's words, and nothing else."""
    (found,) = await look(url)
    assert ("database-reachable", "failure") == (found.check, found.verdict)
    assert "secret" not in found.words
    assert found.words.startswith(("Connection refused", "its name is not known"))


async def test_one_that_refuses_is_told_from_one_that_is_away(postgres: Postgres) -> None:
    """A database that is not there."""
    (found,) = await look(postgres.database("doctor_gone").replace("doctor_gone", "doctor_never"))
    assert 'it answers, and refuses: database "doctor_never" does not exist' == found.words


async def test_one_that_swallows_what_it_is_sent_costs_no_longer_than_allowed(postgres: Postgres) -> None:
    """A black hole is not waited for."""
    async with Proxy(postgres.port) as proxy:
        proxy.manner = "hole"
        url = postgres.database("doctor_hole").replace(str(postgres.port), str(proxy.port))
        began_s = time.monotonic()
        (found,) = await look(url, 0.5)
        assert ("no answer within 0.5 s", True) == (found.words, time.monotonic() - began_s < 5.0)


async def test_a_file_is_well_before_and_after_its_first_server(tmp_path: Path) -> None:
    """Looking does not make it."""
    url = f"sqlite:///{tmp_path / 'resources.db'}"
    assert {} == unwell(await look(url))
    assert [] == list(tmp_path.iterdir())
    await migrate(url)
    assert {} == unwell(await look(url))
    assert "its tables are at revision" in words(await look(url), "database-tables")


async def test_a_file_of_something_else_is_a_failure(tmp_path: Path) -> None:
    """Text, a folder."""
    file = tmp_path / "x.db"
    file.write_text("this is no database, however long one looks at it" * 100)
    assert {"database-reachable": "failure"} == unwell(await look(f"sqlite:///{file}"))
    assert {"database-reachable": "failure"} == unwell(await look(f"sqlite:///{tmp_path}"))


async def test_a_file_without_tables_is_one_to_be_migrated(tmp_path: Path) -> None:
    """And one that is being written is left alone."""
    file = tmp_path / "x.db"
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("CREATE TABLE other (x)")
    assert {} == unwell(await look(f"sqlite:///{file}"))
    connection.execute("BEGIN EXCLUSIVE")
    found = await asyncio.wait_for(look(f"sqlite:///{file}"), 10)
    assert ["skipped"] == [one.verdict for one in found]
    connection.close()
