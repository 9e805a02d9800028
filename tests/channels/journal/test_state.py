"""A channel's row, and what retention means."""

from channels.journal.state import ChannelState, GroupState, pack, unpack


def test_a_row_is_read_as_it_was_written() -> None:
    """Totals and groups."""
    state = ChannelState(5, 4, 3, 2, 1, 1, 7, 6, [GroupState(1, "g", 2, 3)], is_counting=True)
    assert state == unpack(pack(state))
