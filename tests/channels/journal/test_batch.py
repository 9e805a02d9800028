"""A batch is done whole, or not at all."""

import apsw
import pytest

from channels.journal.batch import Batch, commit
from channels.journal.disk import prepare


def connect() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    prepare(connection)
    return connection


def test_everything_in_it_is_done() -> None:
    """In the order of its fields: what is inserted may be deleted."""
    connection = connect()
    commit(
        connection,
        Batch(
            log=[(1, 2, 3, 4, b"a"), (2, 2, 3, 4, b"b")],
            parked=[(1, 2, 3, 4, 5, 6, 7, b"n", 8, b"a"), (2, 2, 3, 4, 5, 6, 7, b"n", 8, b"b")],
            log_deleted=[1, 99],
            parked_deleted=[2],
            settled=[(1, 2, 0, b"\x01", 9), (1, 3, 0, None, 9)],
            unsettled=[(1, 3)],
            statements=[("INSERT INTO clock VALUES (?, ?)", (1, 5))],
        ),
    )
    tables = {
        table: list(connection.execute(f"SELECT * FROM {table}")) for table in ("log", "parked", "settled", "clock")
    }
    assert {
        "log": [(2, 2, 3, 4, b"b")],
        "parked": [(1, 2, 3, 4, 5, 6, 7, b"n", 8, b"a")],
        "settled": [(1, 2, 0, b"\x01", 9)],
        "clock": [(1, 5)],
    } == tables


def test_nothing_is_done_where_something_fails() -> None:
    """And the connection is ready for the next."""
    connection = connect()
    with pytest.raises(apsw.ConstraintError):
        commit(connection, Batch(log=[(1, 2, 3, 4, b"a"), (1, 2, 3, 4, b"a")]))
    commit(connection, Batch(log=[(1, 2, 3, 4, b"a")]))
    assert 1 == connection.execute("SELECT count(*) FROM log").get


def test_what_is_kept_goes_first_and_publishes_are_not_kept() -> None:
    """What was refused is not stored behind its producer's back."""
    first = Batch(log=[(1, 2, 3, 4, b"a")], statements=[("a", ())], log_deleted=[1])
    first.keep(Batch(log=[(2, 2, 3, 4, b"b")], statements=[("b", ())], parked_deleted=[2]))
    assert (
        Batch(log=[(2, 2, 3, 4, b"b")], statements=[("a", ()), ("b", ())], log_deleted=[1], parked_deleted=[2]) == first
    )
    assert (True, False) == (bool(first), bool(Batch()))
