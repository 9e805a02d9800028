"""Files of older versions are brought forward, newer ones are left alone."""

import apsw
import pytest

from channels.journal.errors import NewerJournal
from channels.journal.schema import MIGRATIONS, VERSION, migrate


def test_a_file_is_migrated_from_wherever_it_is() -> None:
    """Each migration runs once, in order."""
    connection = apsw.Connection(":memory:")
    migrate(connection)
    migrate(connection)
    assert VERSION == connection.pragma("user_version")
    connection.execute("INSERT INTO clock VALUES (1, 5)")
    later = (*MIGRATIONS, "ALTER TABLE clock ADD COLUMN zone TEXT NOT NULL DEFAULT 'UTC'", "UPDATE clock SET time = 6")
    migrate(connection, later)
    assert (VERSION + 2, (1, 6, "UTC")) == (
        connection.pragma("user_version"),
        connection.execute("SELECT * FROM clock").get,
    )


def test_a_migration_that_fails_leaves_the_file_as_it_was() -> None:
    """It is one transaction."""
    connection = apsw.Connection(":memory:")
    migrate(connection)
    with pytest.raises(apsw.SQLError):
        migrate(connection, (*MIGRATIONS, "ALTER TABLE clock ADD COLUMN zone TEXT", "nonsense"))
    assert (VERSION, 0) == (connection.pragma("user_version"), connection.execute("SELECT count(*) FROM clock").get)
    connection.execute("INSERT INTO clock VALUES (1, 5)")


def test_a_newer_file_is_refused_with_words() -> None:
    """And nothing in it is changed."""
    connection = apsw.Connection(":memory:")
    connection.pragma("user_version", VERSION + 1)
    with pytest.raises(NewerJournal, match="newer"):
        migrate(connection)
    assert 0 == connection.execute("SELECT count(*) FROM sqlite_schema").get
