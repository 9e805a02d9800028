"""Databases for stores in SQL: a SQLite file, and a database of a real PostgreSQL."""

from pathlib import Path

import pytest

from eventing.store import feed as feed_module
from eventing.store import schema
from eventing.store.database import open_database
from eventing.store.row import ChangeRow
from tests.eventing.store.log import Log
from tests.rig.postgres import Postgres


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that is not there yet."""
    return f"sqlite:///{tmp_path / 'resources.db'}"


@pytest.fixture
def empty_postgres_url(postgres: Postgres) -> str:
    """A database without tables."""
    return postgres.database("store")


@pytest.fixture
async def postgres_url(empty_postgres_url: str) -> str:
    """A database whose tables are empty, and current."""
    database = open_database(empty_postgres_url)
    await database.write(schema.migrate)
    await database.close()
    return empty_postgres_url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Either of them."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """An empty one."""

    def read_changes(connection: Log, after: int, limit: int) -> list[ChangeRow]:
        return [one for one in connection.rows if one.version > after][:limit]

    monkeypatch.setattr(feed_module, "read_changes", read_changes)
    return Log()
