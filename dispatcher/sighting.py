"""Which types of events pass, noticed on their way, so that somebody may make EventTypes of them. Pure.

A pair of type and source that is known costs one look into a set.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from channels.event import Event

KNOWN_MAX: Final = 2000
"""Pairs that one Broker or Channel knows. What comes beyond them is counted and not told of: a producer that puts an
identity into every source would otherwise make an EventType of every event. A pair counts once in each of the two forms
it may come in (header bytes, JSON text).
"""
LENGTH_MAX: Final = 1024
"""Of a type and its source together; longer ones are not told of either."""

_Key = tuple[object, object, str]


@dataclass(frozen=True, slots=True)
class Sighting:
    """The first event of its type from its source. `dataschema` is empty where it had none."""

    type: str
    source: str
    dataschema: str
    specversion: str
    replier: str = ""
    """The Trigger, or Subscription, whose subscriber replied with it; empty for what was brought."""


class Sightings:
    """Of one Broker or Channel. `wake` is called when there is something to drain."""

    def __init__(self, wake: Callable[[], None], *, known_max: int = KNOWN_MAX) -> None:
        self.overlooked = 0
        """Events beyond the bounds."""
        self._wake = wake
        self._known_max = known_max
        self._known: set[_Key] = set()
        self._forms: dict[_Key, list[_Key]] = {}
        """What is known by its texts: in which forms it came."""
        self._fresh: list[Sighting] = []

    def notice(self, events: Iterable[Event], replier: str = "") -> None:
        """These pass."""
        known = self._known
        for event in events:
            raw = event.raw
            if raw is None:
                key: _Key = (event.get("type"), event.get("source"), replier)
            else:  # undecoded: nobody else may need the text
                key = (raw["type"], raw["source"], replier)
            if key not in known:
                self._look_at(key, event, replier)

    def drain(self) -> list[Sighting]:
        """What was sighted since the last time, in order; each pair once."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def reset(self) -> None:
        """Know nothing any more: all that comes is told of once more. For when an EventType was lost."""
        self._known.clear()
        self._forms.clear()
        self._fresh.clear()

    def forget(self, sighting: Sighting) -> None:
        """Tell of that pair once more, with the next event of it. For when its EventType was deleted."""
        text = (sighting.type, sighting.source, sighting.replier)
        self._known.difference_update(self._forms.pop(text, ()))

    def _look_at(self, key: _Key, event: Event, replier: str) -> None:
        text = (event.type, event.source, replier)
        if len(self._known) >= self._known_max or len(event.type) + len(event.source) > LENGTH_MAX:
            self.overlooked += 1
            return
        is_fresh = text not in self._known
        self._known |= {key, text}
        self._forms.setdefault(text, [text]).append(key)
        if is_fresh:
            dataschema = event.get_text("dataschema") or ""
            self._fresh.append(Sighting(*text[:2], dataschema, event.specversion, replier))
            if len(self._fresh) == 1:
                self._wake()
