"""Counting anew gives what step by step would have given."""

import apsw
import pytest

from channels.frame import encode_run
from channels.journal.counting import NOTHING, View, count, first_since
from channels.journal.schema import POSITION_BITS, migrate
from channels.witness import an_event, events_of

BASE = 3 << POSITION_BITS
SIZE = an_event("1").size


def a_log(*runs: tuple[int, int]) -> apsw.Connection:
    """Runs by their first position and their length, stored at ten times that position."""
    connection = apsw.Connection(":memory:")
    migrate(connection)
    for first, events in runs:
        body = encode_run(first, events_of(1, events))
        row = (BASE + first, first * 10, events, events * SIZE, body)
        connection.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?)", row)
    return connection


@pytest.mark.parametrize(
    ("subject", "others", "unsettled", "alone", "keys"),
    [
        (NOTHING, [], 9, 9, [1, 4, 7]),
        (NOTHING, [NOTHING], 9, 0, []),
        (View(9, {}), [], 0, 0, [1, 4, 7]),
        (View(9, {4: b"\x00\x01\x00"}), [View(9, {})], 2, 2, [1, 4, 7]),
        (View(3, {7: None}), [View(9, {1: b"\x00\x00\x00"})], 3, 3, [4, 7]),
        (NOTHING, [View(9, {4: b"\x00\x01\x00"})], 9, 7, [1, 7]),
        (View(4, {}), [View(9, {})], 5, 5, [1, 4, 7]),
        (NOTHING, [View(5, {}), View(9, {})], 9, 5, [1]),
        (NOTHING, [View(9, {4: b"\x01\x01\x01"})], 9, 9, [1, 4, 7]),
    ],
)
def test_what_the_subject_has_not_settled_and_all_others_have(
    subject: View, others: list[View], unsettled: int, alone: int, keys: list[int]
) -> None:
    """By runs where it can, event by event where it must."""
    found = count(a_log((1, 3), (4, 3), (7, 3)), BASE, BASE + 100, subject, others)
    assert (unsettled, alone, alone * SIZE, 9 * SIZE) == (
        found.unsettled,
        found.alone,
        found.alone_size_bytes,
        found.size_bytes,
    )
    assert ([BASE + key for key in keys], [3 * SIZE] * len(keys)) == (list(found.keys), list(found.sizes))


@pytest.mark.parametrize(("time_us", "first"), [(0, 1), (10, 1), (11, 4), (70, 7), (71, None)])
def test_the_first_run_since_a_time(time_us: int, first: int | None) -> None:
    """That time or later; None where all are older."""
    found = first_since(a_log((1, 3), (4, 3), (7, 3)), BASE, BASE + 9, time_us)
    assert (None if first is None else BASE + first) == found
    assert first_since(a_log(), BASE, BASE + 9, time_us) is None
