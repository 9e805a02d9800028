"""Transactions in PostgreSQL. What both kinds of database have in common is told in `test_database`."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from eventing.errors import StoreUnavailable
from eventing.store.database import open_database, translated
from eventing.store.postgres import AWAY


async def test_a_server_that_nobody_started_is_away() -> None:
    """The address is told, the password is not."""
    database = open_database("postgresql://user:hunter2@127.0.0.1:1/name")
    with pytest.raises(StoreUnavailable) as told:
        await database.read(lambda _: None)
    assert "hunter2" not in str(told.value)
    await database.close()


def wrapped(cause: Exception) -> Exception:
    """As SQLAlchemy's driver hands on what it has no class for."""
    error = Exception(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.TooManyConnectionsError("too many"),
        asyncpg.InvalidPasswordError("wrong"),
        asyncpg.InternalClientError("cannot switch to another state"),
        DBAPIError("statement", None, wrapped(asyncpg.CannotConnectNowError("starting up"))),
    ],
)
def test_the_drivers_errors_are_translated(error: Exception) -> None:
    """In the driver's words; the cause is kept."""
    with pytest.raises(StoreUnavailable, match="the database of resources is away: ") as told, translated(AWAY):
        raise error
    assert error is told.value.__cause__
    assert "statement" not in str(told.value)


@pytest.mark.parametrize("error", [asyncpg.UndefinedTableError("t"), asyncpg.SyntaxOrAccessError("near SELECT")])
def test_bugs_are_not(error: Exception) -> None:
    """A statement that is wrong will not be right later."""
    with pytest.raises(type(error)), translated(AWAY):
        raise error
