"""Records that cannot be read any more: set aside once, counted, and settled, so that the others are served."""

import logging
from typing import TYPE_CHECKING

from channels.journal.parked import FoundParked
from channels.journal.reading import Found
from channels.journal.run import Run

if TYPE_CHECKING:
    from channels.journal.channel import JournalChannel

_INSERT = "INSERT OR IGNORE INTO damaged VALUES (?, ?, ?, ?, ?)"
_log = logging.getLogger(__name__)


def set_aside(channel: "JournalChannel", place: str, found: Found | FoundParked, run: Run) -> tuple[list[int], int]:
    """Settle what of that run is damaged, and say which of its events that is, and of how many bytes each. What was
    read in their place is kept.
    """
    journal = channel.journal
    sound = {record.index for record in found.records}
    lost = [index for index in range(found.count) if index not in sound and not run.marks[index]]
    for index in lost:
        run.settle(index)
    if lost and (place, found.key) not in channel.set_aside:
        channel.set_aside.add((place, found.key))
        channel.damaged += len(lost)
        _log.error("%d events of a run in %s of %s are damaged and set aside", len(lost), place, channel.name)
        for part, body in enumerate(found.damaged):
            row = (place, found.key, part, journal.clock.now_us(), body)
            journal.committer.batch.statements.append((_INSERT, row))
        channel.change()
    damaged_size_bytes = found.size_bytes - sum([record.size_bytes for record in found.records])
    return lost, damaged_size_bytes // max(1, found.count - len(sound))
