"""The rows of channels and queues, each of which is there twice."""

import pytest

from channels.journal.state import ChannelState, GroupState, QueueState, pack, queue_as_written, queue_row, unpack

STATE = ChannelState("a", 5, 4, 3, 2, 1, 1, 7, 6, [GroupState(1, "g", 2, 3)], is_counting=True)
QUEUE = QueueState(5, 6, "lane", is_ordered=True)


def test_a_channel_is_read_as_it_was_written() -> None:
    """Totals and groups."""
    assert unpack([pack(STATE)]) == STATE


@pytest.mark.parametrize("at", range(len(pack(STATE))))
def test_of_two_copies_one_is_enough(at: int) -> None:
    """Whichever byte of the other one is damaged; where both are nothing is made up."""
    damaged = bytearray(pack(STATE))
    damaged[at] ^= 0x79
    assert STATE == unpack([bytes(damaged), pack(STATE)]) == unpack([pack(STATE), bytes(damaged)])
    assert unpack([bytes(damaged), bytes(damaged)]) is None
    assert unpack([b"", b"\0\0\0\0"]) is None


@pytest.mark.parametrize(
    "columns", [(5, 6, b"lane", 1), (4, 6, b"lane", 1), (5, 7, b"lane", 1), (5, 6, b"\xd7", 1), (5, 6, b"lane", 0)]
)
def test_a_queue_is_what_its_copy_says(columns: tuple[int, int, bytes, int]) -> None:
    """Whatever became of its columns."""
    assert queue_as_written((*columns, queue_row(QUEUE)[4])) == QUEUE


def test_a_queue_whose_copy_is_damaged_is_what_its_columns_say() -> None:
    """The copy is made anew of them."""
    assert queue_as_written((5, 6, b"lane", 1, b"\1" + queue_row(QUEUE)[4][1:])) == QUEUE
