"""What the ledger found. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_EXAMPLES_MAX: Final = 5


class Place(NamedTuple):
    """One event at one Trigger."""

    trigger: str
    producer: int
    seq: int

    def __str__(self) -> str:
        return f"{self.producer}.{self.seq} at {self.trigger}"


@dataclass(slots=True)
class Verdict:
    """Events by how they were answered, then pairs of event and Trigger by what became of them."""

    sent: int = 0
    stored: int = 0
    """Acknowledged."""
    refused: int = 0
    unknown: int = 0
    """Never answered: the connection was lost."""

    delivered: int = 0
    dead_lettered: int = 0
    waiting: int = 0
    lost: list[Place] = field(default_factory=list)
    misrouted: list[Place] = field(default_factory=list)
    """They came to a Trigger that does not want them."""
    unasked: list[Place] = field(default_factory=list)
    """They came, and were refused or never sent."""
    reordered: list[Place] = field(default_factory=list)
    """They came after a younger one of the same producer and key."""
    altered: list[Place] = field(default_factory=list)
    duplicates: int = 0
    """Deliveries of what had been delivered, and was sent before a stop of the server."""
    duplicates_by_stop: Mapping[int, int] = field(default_factory=dict)
    """The same, by the stop that followed the earlier delivery, else by the last one, counted from 0."""
    unexplained: list[Place] = field(default_factory=list)
    """Delivered again, without a stop since they were sent."""

    @property
    def duplicates_max(self) -> int:
        """The most that one stop caused."""
        return max(self.duplicates_by_stop.values(), default=0)

    @property
    def findings(self) -> list[str]:
        """What must not be, in words, each with a few examples; empty where all is well."""
        faults = {
            "lost": self.lost,
            "misrouted": self.misrouted,
            "delivered without having been accepted": self.unasked,
            "reordered within their key": self.reordered,
            "altered": self.altered,
            "delivered twice without a stop": self.unexplained,
        }
        return [f"{len(places)} {words}: {_examples(places)}" for words, places in faults.items() if places]

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.sent} sent ({self.stored} stored, {self.refused} refused, {self.unknown} unknown), "
            f"{self.delivered} delivered, {self.dead_lettered} dead-lettered, {self.waiting} waiting, "
            f"{len(self.lost)} lost, {len(self.misrouted)} misrouted, {len(self.reordered)} reordered, "
            f"{self.duplicates} duplicates (at most {self.duplicates_max} of one stop)"
        )


def _examples(places: Sequence[Place]) -> str:
    told = ", ".join(map(str, places[:_EXAMPLES_MAX]))
    return told + (", ..." if len(places) > _EXAMPLES_MAX else "")
