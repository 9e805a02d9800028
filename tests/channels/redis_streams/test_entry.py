"""Ids, positions and bodies of entries."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contract import Delivery
from channels.redis_streams.entry import entry_before, pack_parked, pairs, position_of, start_after, unpack_parked
from channels.witness import an_event, content


class Owner:
    is_gone = False

    def settled(self, deliveries: object) -> None:
        pass

    def take_back(self, deliveries: object) -> None:
        pass


@given(
    st.tuples(st.integers(0, 2**41), st.integers(0, 2**20 - 1)),
    st.tuples(st.integers(0, 2**41), st.integers(0, 2**20 - 1)),
)
def test_positions_grow_as_ids_do(one: tuple[int, int], other: tuple[int, int]) -> None:
    """And fit into 63 bits."""
    positions = [position_of(b"%d-%d" % entry) for entry in (one, other)]
    assert (one < other, one == other) == (positions[0] < positions[1], positions[0] == positions[1])
    assert max(positions) < 2**63


@given(st.integers(1, 2**61))
def test_a_group_begins_with_the_position_it_names(position: int) -> None:
    """It begins after the one before it."""
    assert position - 1 == position_of(entry_before(position).encode())
    assert entry_before(position) == start_after(position)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("latest", "$"),
        ("earliest", "0-0"),
        (0, "0-0"),
        (datetime(1969, 1, 1, tzinfo=UTC), "0-0"),
        (datetime(1970, 1, 1, 1, 0, 1, tzinfo=timezone(timedelta(hours=1))), "999-1048575"),
    ],
)
def test_a_start_is_an_id(start: object, expected: str) -> None:
    """After which a group begins."""
    assert expected == start_after(start)  # type: ignore[arg-type]


@given(
    st.integers(0, 2**53), st.integers(0, 2**63), st.integers(0, 2**31), st.binary(max_size=9), st.binary(max_size=9)
)
def test_what_is_parked_is_read_as_it_was(due_us: int, position: int, attempts: int, note: bytes, data: bytes) -> None:
    """The event, its place, what it was parked with; and so is another object of it."""
    event = an_event("1", data)
    body = pack_parked(Delivery(event, position, event.size), due_us, attempts, note)
    read = unpack_parked(b"id", body, Owner())
    assert read is not None
    for one in (read, read.again()):
        assert (due_us, position, attempts, note, b"id") == (
            one.due_us,
            one.position,
            one.attempts,
            one.note,
            one.entry,
        )
        assert (content(event), event.size) == (content(one.event), one.size_bytes)


def test_what_is_damaged_is_none() -> None:
    """A body that is too short, and one whose checksum is wrong."""
    body = pack_parked(Delivery(an_event("1"), 1, 1), 0, 0, b"")
    assert [None, None] == [unpack_parked(b"", bad, Owner()) for bad in (body[:5], body[:-1] + b"\xff")]


def test_a_hash_is_read_in_pairs() -> None:
    """As a server sends it."""
    assert {b"a": b"1", b"b": b"2"} == pairs([b"a", b"1", b"b", b"2"])
