"""Where a group goes on in a partition, by what it has committed and by what is there."""

import pytest

from channels.kafka.lease import Extent, Lease, begun_anew, committed_offsets, resumed
from channels.offsets import METADATA_MAX_CHARACTERS, Offsets

ONE, OTHER, UNKNOWN = b"1" * 16, b"\xff" * 16, b""
KAFKAS_MAX_CHARACTERS = 4096


def a_commit(floor: int, *beyond: int, topic_id: bytes = ONE) -> tuple[int, str]:
    return Lease(0, Offsets(floor, {*beyond}), topic_id).commit


@pytest.mark.parametrize("before", [ONE, UNKNOWN])
@pytest.mark.parametrize("after", [ONE, UNKNOWN])
def test_who_has_committed_goes_on_there(before: bytes, after: bytes) -> None:
    """Also where one of the servers did not tell its topics' ids."""
    lease, is_anew = resumed(3, a_commit(5, 7, 8, topic_id=before), Extent(after, 2, 9))
    assert (3, 5, 5, {7, 8}) == (lease.partition, lease.next, lease.offsets.floor, lease.offsets.beyond)
    assert (after, False, False) == (lease.topic_id, lease.is_dirty, is_anew)


def test_who_has_committed_nothing_begins_with_what_is_there() -> None:
    """As with a partition that was added."""
    lease, is_anew = resumed(0, None, Extent(ONE, 4, 9))
    assert (4, 4, False) == (lease.next, lease.offsets.floor, is_anew)


@pytest.mark.parametrize(
    ("committed", "extent"),
    [
        (a_commit(10), Extent(ONE, 2, 9)),
        (a_commit(5, 9), Extent(ONE, 2, 9)),
        (a_commit(10, topic_id=UNKNOWN), Extent(UNKNOWN, 2, 9)),
        (a_commit(5, 7, topic_id=OTHER), Extent(ONE, 2, 9)),
        ((10, "of another program"), Extent(ONE, 2, 9)),
    ],
    ids=["beyond the end", "settled beyond the end", "without ids", "of another topic", "committed by others"],
)
def test_what_was_committed_of_another_log_is_not_of_this_one(committed: tuple[int, str], extent: Extent) -> None:
    """All that is there comes, whatever the offsets of what was settled; and what was committed is put right."""
    lease, is_anew = resumed(0, committed, extent)
    assert (2, 2, set(), True) == (lease.next, lease.offsets.floor, lease.offsets.beyond, is_anew)
    assert (True, extent.topic_id) == (lease.is_dirty, lease.topic_id)


def test_who_was_away_for_longer_than_the_retention_goes_on_at_the_beginning() -> None:
    """What was settled beyond it stays settled."""
    lease, is_anew = resumed(0, a_commit(5, 12), Extent(ONE, 10, 20))
    assert (10, 10, {12}, False) == (lease.next, lease.offsets.floor, lease.offsets.beyond, is_anew)


def test_what_is_committed_fits_and_is_understood() -> None:
    """With the id, whatever it is, and as much as may stand beside it."""
    for topic_id in (ONE, OTHER, UNKNOWN, bytes(16)):
        offsets, state = Offsets(0), 12_345
        for at in range(1, 60_000):
            state = state * 1_103_515_245 + 12_345 & 0x7FFFFFFF
            if state & 0x10000:
                offsets.settle(at)
        floor, metadata = Lease(0, offsets, topic_id).commit
        assert METADATA_MAX_CHARACTERS // 2 < len(metadata) <= KAFKAS_MAX_CHARACTERS
        assert Offsets.restore(0, offsets.metadata()).beyond == committed_offsets(floor, metadata).beyond


def test_a_lease_is_clean_once_it_is_committed() -> None:
    lease = begun_anew(0, Extent(ONE, 0, 9))
    lease.committed = lease.offsets.mark
    assert not lease.is_dirty
    lease.offsets.settle(3)
    assert lease.is_dirty
