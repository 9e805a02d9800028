"""A run knows how many of its events are left."""

from collections.abc import Sequence

from channels.frame import Record
from channels.journal.run import Held, HeldParked, Run
from channels.witness import an_event


class Nobody:
    def settled(self, deliveries: Sequence[Held | HeldParked]) -> None:
        raise AssertionError

    def take_back(self, deliveries: Sequence[Held | HeldParked]) -> None:
        raise AssertionError


def test_a_run_begins_whole_or_as_it_was_recorded() -> None:
    """Marks count what was settled before."""
    whole, part = Run(Nobody(), 1, 3, 30), Run(Nobody(), 1, 3, 30, b"\x01\x00\x00")
    part.settle(2)
    assert (3, False, b"\x00\x00\x00") == (whole.left, whole.is_recorded, bytes(whole.marks))
    assert (1, True, b"\x01\x00\x01") == (part.left, part.is_recorded, bytes(part.marks))


def test_what_came_back_is_another_object_for_the_same() -> None:
    """Its former holder may still ack the one it had."""
    run, event = Run(Nobody(), 1, 3, 30), an_event("1")
    held, parked = Held(event, 5, 10, run, 2), HeldParked(Record(1, 5, 10, event), 3, b"n", run, 7)
    again, parked_again = held.again(), parked.again()
    assert (False, event, 5, 10, run, 2) == (
        again is held, again.event, again.position, again.size_bytes, again.run, again.index,
    )  # fmt: skip
    assert (False, event, 5, 10, 3, b"n", run, 1, 7) == (
        parked_again is parked, parked_again.event, parked_again.position, parked_again.size_bytes,
        parked_again.attempts, parked_again.note, parked_again.run, parked_again.index, parked_again.rank,
    )  # fmt: skip
