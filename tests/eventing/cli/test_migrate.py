"""`eventing migrate`: the database of resources, brought to a revision."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from channels.folder_lock import FolderLock
from eventing.cli import app
from eventing.cli.output import Failure
from eventing.store.schema import revisions
from tests.rig.postgres import Postgres

LATEST = revisions()[-1]


def migrate(*arguments: str) -> str:
    """What it prints. Raises Failure."""
    result = CliRunner().invoke(app, ["migrate", *arguments], catch_exceptions=False)
    assert 0 == result.exit_code
    return result.stdout


def failure(*arguments: str) -> tuple[int, str]:
    """How it ends."""
    with pytest.raises(Failure) as told:
        migrate(*arguments)
    return told.value.code, str(told.value)


def test_postgresql_is_migrated_up_and_down(postgres: Postgres) -> None:
    """Once is enough; it says what it did."""
    url = ("--database-url", postgres.database("migrated"))
    assert f"no tables -> revision {LATEST}\n" == migrate(*url)
    assert f"at revision {LATEST} already\n" == migrate(*url)
    assert f"revision {LATEST} -> no tables\n" == migrate("base", *url)


def test_without_a_url_it_is_the_servers_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's, else the file in the data folder."""
    monkeypatch.setenv("EVENTING_DATA_DIR", str(tmp_path / "data"))
    assert f"no tables -> revision {LATEST}\n" == migrate()
    assert (tmp_path / "data" / "resources.db").is_file()
    monkeypatch.setenv("EVENTING_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    assert f"no tables -> revision {LATEST}\n" == migrate()


def test_what_cannot_be_done_is_told(tmp_path: Path) -> None:
    """A revision that is none, a server that is away, a file that is in use: 1. A URL that is none: 2."""
    file = f"sqlite:///{tmp_path / 'x.db'}"
    code, words = failure("x", "--database-url", file)
    assert (1, f"there is no revision x; there are base, {', '.join(revisions())}, head") == (code, words)
    code, words = failure("--database-url", "postgresql://127.0.0.1:1/x")
    assert (1, True) == (code, "is away" in words)
    lock = FolderLock(tmp_path, "x.db.lock")
    lock.take()
    code, words = failure("--database-url", file)
    assert (1, True) == (code, "is in use by another process" in words)
    lock.release()
    code, words = failure("--database-url", "mysql://x")
    assert (2, True) == (code, words.startswith("--database-url: "))
