"""What comes to the partitions of a topic: one request at a time to each of their leaders, before it is asked for."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from aiokafka.errors import (
    KafkaError,
    NodeNotReadyError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition

from channels.kafka.lease import Extent
from channels.kafka.link import extents
from channels.kafka.portion import Portion
from channels.kafka.topic_id import UNKNOWN, topic_id

_READ_COMMITTED: Final = 1
_WAIT_MS: Final = 500
_SIZE_MAX_BYTES: Final = 4 * 2**20
_PARTITION_SIZE_MAX_BYTES: Final = 2**20
"""A partition's share of one answer. One batch that is larger comes alone."""
_LOOK_S: Final = 0.25
"""How often leaders are looked for where nothing comes."""
_PAUSE_S: Final = 0.2
_SURE_S: Final = 1.0
"""For so long after an answer without a fault a topic is taken for the same: its end would be a fault."""
_NOBODY: Final = frozenset((None, -1))
"""Who leads a partition whose leader is not known."""


class Place(NamedTuple):
    """Where to go on, in the topic of that id."""

    offset: int
    topic_id: bytes = UNKNOWN


class Beginning(NamedTuple):
    """Not what follows comes next of these partitions, but all that is there: their topic was made anew, or has lost
    its end.
    """

    extents: Mapping[int, Extent]


class Gone(NamedTuple):
    """What this partition had before that offset went with the retention."""

    partition: int
    first: int


_Found = list[Portion | Beginning | Gone]


class Fetching:
    """Begins with `go_on`. What one answer brought waits for `next`; nothing more is asked for meanwhile."""

    def __init__(self, client: Any, topic: str) -> None:
        self._client: Final = client
        self._topic: Final = topic
        self._next: dict[int, Place] = {}
        """By partition."""
        self._places: dict[int, TopicPartition] = {}
        self._asking: Final[dict[int, asyncio.Task[None]]] = {}
        """By leader."""
        self._found: _Found = []
        self._news: Final = asyncio.Event()
        self._room: Final = asyncio.Event()
        self._looks_s = 0.0
        """When leaders are looked for again, by the loop's clock."""
        self._error: BaseException | None = None

    def go_on(self, places: Mapping[int, Place]) -> None:
        """Read these partitions from there on, and no others. What was read of them before is forgotten."""
        self._next = dict(places)
        self._places = {one: TopicPartition(self._topic, one) for one in places}
        self._found = []
        self._room.set()
        self._looks_s = 0.0
        self._news.set()

    def fail(self, error: BaseException) -> None:
        """Whoever asks next is told."""
        self._error = error
        self._news.set()

    async def next(self) -> "_Found":
        """As soon as there is something. Raises KafkaError where asking again does not help."""
        self._look()
        while not self._found:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._news.wait()
            self._news.clear()
            if self._error is not None:
                raise self._error
            self._look()
        found, self._found = self._found, []
        self._room.set()
        return found

    async def close(self) -> None:
        """Nothing more is asked for."""
        self.go_on({})
        asking = [*self._asking.values()]
        for task in asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking)

    def _look(self) -> None:
        """Ask each leader that nobody asks yet."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._looks_s:
            return
        self._looks_s = loop.time() + _LOOK_S
        leaders = {self._client.cluster.leader_for_partition(place) for place in self._places.values()}
        if not leaders.isdisjoint(_NOBODY):
            self._client.force_metadata_update()
        for leader in leaders.difference(self._asking, _NOBODY):
            task = self._asking[leader] = loop.create_task(self._keep_asking(leader))
            task.add_done_callback(partial(self._end, leader))

    def _end(self, leader: int, task: "asyncio.Task[None]") -> None:
        del self._asking[leader]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    async def _keep_asking(self, leader: int) -> None:
        leader_of, turn, loop = self._client.cluster.leader_for_partition, 0, asyncio.get_running_loop()
        sure_until_s = 0.0
        while wanted := [one for one, place in self._places.items() if leader_of(place) == leader]:
            if self._found:
                self._room.clear()
                await self._room.wait()
                continue
            turn += 1
            first = turn % len(wanted)  # or the same would always come first, as far as there is room
            try:
                if loop.time() >= sure_until_s:
                    await self._compare(leader, wanted)
                    if self._found:
                        continue
                await self._fetch(leader, wanted[first:] + wanted[:first])
                sure_until_s = loop.time() + _SURE_S
            except TopicAuthorizationFailedError:
                raise
            except KafkaError:
                sure_until_s = 0.0
                self._client.force_metadata_update()
                await asyncio.sleep(_PAUSE_S)

    async def _connected(self, leader: int) -> None:
        # Cancelled while it connects, aiokafka would leave that connection open: who closes the client waits for it.
        if not await asyncio.shield(asyncio.ensure_future(self._client.ready(leader))):
            raise NodeNotReadyError

    async def _fetch(self, leader: int, wanted: list[int]) -> None:
        asked = {one: self._next[one] for one in wanted}
        places = [(one, place.offset, _PARTITION_SIZE_MAX_BYTES) for one, place in asked.items()]
        request = FetchRequest(_WAIT_MS, 1, _SIZE_MAX_BYTES, _READ_COMMITTED, [(self._topic, places)])
        await self._connected(leader)
        answer = await self._client.send(leader, request)
        fault: type[KafkaError] | None = None
        outside: dict[int, Place] = {}
        for _, partitions in answer.topics:
            for partition, code, end, *rest in partitions:
                place = asked[partition]
                if self._next.get(partition) is not place:
                    continue  # it went to somebody else meanwhile, or came back
                error = for_code(code)
                if error is OffsetOutOfRangeError:
                    outside[partition] = place
                elif code:
                    fault = error
                else:
                    # The body is last; before it, or before a preferred replica, stand the transactions.
                    aborted = rest[2 if answer.API_VERSION >= 11 else -2]
                    self._bring(Portion(partition, place.offset, end, rest[-1] or b"", aborted or ()))
        if outside:
            await self._move(outside)
        if fault is not None:
            raise fault(self._topic)

    def _bring(self, portion: Portion) -> None:
        after = portion.after
        if after > portion.offset:
            self._next[portion.partition] = self._next[portion.partition]._replace(offset=after)
            self._found.append(portion)
            self._news.set()

    async def _compare(self, leader: int, wanted: Collection[int]) -> None:
        """Whether the topic is still the one whose offsets these are: another may have as many records, or more."""
        before = {one: self._next[one] for one in wanted}
        await self._connected(leader)
        found = await topic_id(self._client, leader, self._topic)
        if others := {one: place for one, place in before.items() if _differ(place.topic_id, found)}:
            await self._move(others)

    async def _move(self, places: Mapping[int, Place]) -> None:
        """Nothing of these partitions is where they were to go on, or it is another topic's. What lay before their
        beginning went with the retention, and is passed over.
        """
        anew = {}
        for partition, extent in (await extents(self._client, self._topic, [*places])).items():
            place = places[partition]
            if self._next.get(partition) is place:
                self._next[partition] = Place(extent.first, extent.topic_id)
                if place.offset >= extent.first or _differ(place.topic_id, extent.topic_id):
                    anew[partition] = extent
                else:
                    self._found.append(Gone(partition, extent.first))
        if anew:
            self._found.append(Beginning(anew))
        self._news.set()


def _differ(one: bytes, other: bytes) -> bool:
    return UNKNOWN not in (one, other) and one != other
