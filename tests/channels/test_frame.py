"""Events keep every byte in the file, and what is damaged costs nothing but itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.event import Event
from channels.frame import HEADER_BYTES, decode, decode_event, encode, encode_event, encode_run
from channels.witness import an_event, content, events_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.one_of(texts, st.booleans(), st.integers(-(2**31), 2**31 - 1), st.binary(max_size=20))
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10)


@st.composite
def events(draw: st.DrawFn) -> Event:
    raw = draw(st.none() | st.dictionaries(names, st.binary(max_size=20), max_size=5))
    view = {} if raw is not None else draw(st.dictionaries(names, values, max_size=5))
    event = Event(
        raw, view, draw(st.none() | st.binary(max_size=50)), ttl=draw(st.none() | st.integers(0, 255)),
        text=draw(st.none() | st.binary(max_size=50)), json_data=draw(st.booleans()),
    )  # fmt: skip
    event.trace = draw(st.binary(max_size=20))
    return event


@settings(deadline=None)
@given(events=st.lists(events(), max_size=5), first=st.integers(0, 2**41))
def test_what_is_read_is_what_was_written(events: list[Event], first: int) -> None:
    """Whatever an event is made of, where it rests and what it is charged with."""
    records, damaged = decode(encode_run(first, events))
    assert [content(event) for event in events] == [content(record.event) for record in records]
    assert [(index, first + index, event.size) for index, event in enumerate(events)] == [
        (record.index, record.position, record.size_bytes) for record in records
    ]
    assert [] == damaged


@settings(deadline=None, max_examples=300)
@given(count=st.integers(1, 5), at=st.integers(0), change=st.integers(1, 255))
def test_one_changed_byte_costs_one_event(count: int, at: int, change: int) -> None:
    """Wherever it is, in a length too: its neighbours are found again, and the damaged bytes are told."""
    body = bytearray(encode_run(1, events_of(1, count)))
    at %= len(body)
    body[at] ^= change
    records, damaged = decode(bytes(body))
    frames = [encode_run(number, events_of(number, number)) for number in range(1, count + 1)]
    hit = at // len(frames[0])
    assert [str(number) for number in range(1, count + 1) if number != hit + 1] == [r.event.id for r in records]
    assert [bytes(body[hit * len(frames[0]) : (hit + 1) * len(frames[0])])] == damaged


@pytest.mark.parametrize("cut", [1, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 5])
def test_a_body_that_was_cut_off_loses_its_last_event(cut: int) -> None:
    """Or its last two, where the cut is in the one before."""
    whole, last = encode(0, 1, 10, an_event("1")), encode(1, 2, 10, an_event("2"))
    records, damaged = decode(whole + last[:cut])
    assert ["1"] == [record.event.id for record in records]
    assert [last[:cut]] == damaged


def test_bytes_of_another_make_are_damaged_though_their_checksum_is_right() -> None:
    """A frame that this program would not have written is no event."""
    import struct
    from zlib import crc32

    payload = b"\x01"
    body = struct.pack("<II", len(payload), crc32(payload)) + payload
    assert ([], [body]) == decode(body)
    assert decode_event(body) is None


def test_an_event_may_rest_alone() -> None:
    """As dead letters do."""
    event = an_event("1", b"data")
    found = decode_event(encode_event(event))
    assert found is not None
    assert content(event) == content(found)
