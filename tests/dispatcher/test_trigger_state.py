"""What a Trigger remembers: the same afterwards, and never a reason to fail."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.lane_state import LaneState
from dispatcher.trigger_state import TriggerState, decode, encode, note_name, noted_trigger

LANES = st.builds(
    LaneState,
    **{field.name: st.booleans() if field.name == "is_open" else st.integers(0, 2**53) for field in fields(LaneState)},
)
STATES = st.builds(TriggerState, LANES, LANES, st.integers(0, 2**53), st.integers(0, 2**53))


@given(STATES, STATES)
def test_a_note_says_all_and_nothing_else(one: TriggerState, other: TriggerState) -> None:
    """Equal states have equal notes, so that an unchanged one need not be kept again."""
    assert one == decode(encode(one))
    assert (one == other) == (encode(one) == encode(other))


@pytest.mark.parametrize("note", [b"", b"{", b"[1]", b"\xff", b'{"stored":"many"}', b'{"stored":1e400}'])
def test_what_cannot_be_read_counts_as_nothing(note: bytes) -> None:
    assert TriggerState() == decode(note)


def test_a_note_of_another_version_is_read_as_far_as_it_is_known() -> None:
    """Both ways: what it does not say is as in a new Trigger."""
    expected = TriggerState(LaneState(done=3), stored=2)
    assert expected == decode(b'{"stored":2,"since":"today","lane":{"done":3,"speed":7}}')


def test_notes_are_found_by_the_names_of_triggers() -> None:
    assert "t" == noted_trigger(note_name("t"))
    assert None is noted_trigger("start/t")
