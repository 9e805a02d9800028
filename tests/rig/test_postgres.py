from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.rig.fixture import miss
from tests.rig.postgres import Postgres, postgres_programs, running_postgres


@pytest.fixture
def programs() -> Path:
    return postgres_programs() or miss("PostgreSQL")


async def test_a_database_is_reached_by_its_url(postgres: Postgres) -> None:
    """The URL is what SQLAlchemy takes, and the database is of that name."""
    engine = create_async_engine(postgres.database("reached"))
    async with engine.connect() as connection:
        assert "reached" == await connection.scalar(text("select current_database()"))
    await engine.dispose()


def test_a_database_asked_for_again_is_empty(postgres: Postgres) -> None:
    """Tests may use one name twice, and find nothing of each other."""
    postgres.database("again")
    postgres.query("again", "create table t (n int)")
    postgres.database("again")
    assert "0" == postgres.query("again", "select count(*) from pg_tables where tablename = 't'")


def test_what_was_committed_outlives_a_kill(programs: Path) -> None:
    """The server starts again beside the lock file that it left behind, on its old port, with its old data."""
    with running_postgres(programs) as server:
        server.database("kept")
        server.query("kept", "create table t as select 7 as n")
        server.kill()
        server.start()
        assert "7" == server.query("kept", "select n from t")
