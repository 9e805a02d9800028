"""Where a group begins: the first offset of each partition."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from channels.contract import Position, Start
from channels.kafka.link import EARLIEST, LATEST, Link
from channels.kafka.topic import place_of

_ONE_RECORD_BYTES: Final = 1
"""A fetch brings one batch at least, however small it is asked for."""


async def starts(link: Link, topic: str, partitions: int, start: Start) -> dict[int, int]:
    """By partition. A time or a position beyond the end is the end. Raises ChannelUnavailable."""
    every = range(partitions)
    if start == "earliest":
        return await link.offsets(topic, dict.fromkeys(every, EARLIEST))
    ends = await link.offsets(topic, dict.fromkeys(every, LATEST))
    if isinstance(start, datetime):
        found = await link.offsets(topic, dict.fromkeys(every, round(start.timestamp() * 1000)))
    elif isinstance(start, int):
        found = await _at(link, topic, start, ends)
    else:
        return ends
    return {one: ends[one] if found.get(one, -1) < 0 else found[one] for one in every}


async def _at(link: Link, topic: str, position: Position, ends: Mapping[int, int]) -> dict[int, int]:
    """Of its own partition exactly; of the others what was stored at that record's time or later."""
    partition, offset = place_of(position)
    if offset >= ends.get(partition, 0):
        return dict(ends)
    place = (topic, partition)
    records, _ = (await link.fetch({place: offset}, wait_s=0.0, size_max_bytes=_ONE_RECORD_BYTES))[place]
    others = {one: _since(records[0].time_ms) for one in ends if one != partition and records}
    return {partition: offset, **(await link.offsets(topic, others) if others else {})}


def _since(time_ms: int) -> int:
    """All of a partition, for a record that does not tell its time, or one that Kafka takes for a place."""
    return EARLIEST if time_ms < 0 else time_ms
