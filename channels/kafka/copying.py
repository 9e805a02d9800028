"""Copies what waits for long out of the log, before Kafka's retention takes it from there."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from channels.kafka.parking import Parking

FOREVER: Final = -1
_UNKNOWN_MS: Final = 3_600_000
"""Where the server does not tell: shorter than most retentions."""
_BY_SIZE_MS: Final = 60_000
"""Where it keeps so many bytes: how long these last is anybody's guess."""
_PART: Final = 4
"""Of the retention's time: copying many takes some."""
_EVENTS_MAX: Final = 2000
"""At each look."""
_LOOK_EVERY_US: Final = 30_000_000


class Copying:
    """Of one channel. `settings` are the topic's, by Kafka's names; None where the server does not tell."""

    def __init__(self, parking: Parking, settings: Callable[[], Awaitable[Mapping[str, str] | None]]) -> None:
        self._parking: Final = parking
        self._settings: Final = settings
        self._looked_us = 0

    async def look(self, now_us: int) -> None:
        """Copy what has waited for long enough, not too much of it at once. `now_us` is the wall clock's. Raises
        ChannelUnavailable.
        """
        if not 0 <= now_us - self._looked_us < _LOOK_EVERY_US and self._parking.oldest_us is not None:
            patience_ms = patience(await self._settings())
            is_over = patience_ms is None or await self._parking.copy(now_us - patience_ms * 1000, _EVENTS_MAX)
            self._looked_us = now_us if is_over else 0


def patience(settings: Mapping[str, str] | None) -> int | None:
    """For how many milliseconds something may be parked without a copy; None for ever."""
    if settings is None:
        return _UNKNOWN_MS
    if int(settings.get("retention.bytes", FOREVER)) != FOREVER:
        return _BY_SIZE_MS
    age_ms = int(settings.get("retention.ms", _PART * _UNKNOWN_MS))
    return None if age_ms == FOREVER else age_ms // _PART
