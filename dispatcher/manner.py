"""How one Trigger wants its events delivered, beside where and with which retries. Pure."""

from dataclasses import dataclass
from typing import Final

from channels.event import Event

PARTITION_KEY: Final = "partitionkey"
"""The CloudEvents partitioning extension: it names an event's key wherever order is kept."""


@dataclass(frozen=True, slots=True)
class Order:
    """In order per key: the extension `partitionkey`, else this attribute, else one key for all."""

    attribute: str = "subject"

    def key(self, event: Event) -> str:
        """The key of an event; "" where it has none."""
        return event.get_text(PARTITION_KEY) or event.get_text(self.attribute) or ""


@dataclass(frozen=True, slots=True)
class Manner:
    """Defaults are what a Trigger without annotations gets."""

    order: Order | None = None
    """None: events overtake each other."""
    concurrency: int | None = None
    """Attempts in flight; None: as many as the sink turns out to take, within the lane's limits."""
    rate: float | None = None
    """Attempts begun per second, None for no limit."""
    is_paused: bool = False
    """Nothing is sent: what matches waits, durably where the channel is."""


DEFAULT: Final = Manner()
