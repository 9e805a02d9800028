"""Requests to a Kafka cluster over one client's connections: the typed seam before aiokafka's wire protocol.

A broker answers the requests of one connection one after the other: who waits long for records has a link of its own.
"""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupIdNotFound,
    KafkaError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.structs import TopicPartition

from channels.kafka.batch import Found, records
from channels.kafka.errors import FAULTS, translated
from channels.kafka.lease import Extent
from channels.kafka.portion import Portion
from channels.kafka.producing import Appended, Producing, Record
from channels.kafka.setting import change, settings
from channels.kafka.topic_id import topic_id

LATEST: Final = -1
EARLIEST: Final = -2
_PAUSE_S: Final = 0.1
_NEWS_S: Final = 1.0
"""For so long a topic that was made may be unknown to some of the brokers."""
_QUIET_S: Final = 1.0
"""Between two lines about damage."""
_READ_UNCOMMITTED: Final = 0
_ENDINGS_MAX_S: Final = 3.0
"""How long closing waits for clients that were given up while they started."""
_NOBODY: Final = ""
_NOT_YET: Final = 78
"""OFFSET_NOT_AVAILABLE, which aiokafka does not know: a leader that was just elected has yet to learn its end."""
_T = TypeVar("_T")
_logger: Final = logging.getLogger(__name__)


_Complain = Callable[..., None]
Place = tuple[str, int]
"""A topic and one of its partitions."""


class Fetched(NamedTuple):
    """What came of each partition that was asked."""

    found: dict[Place, tuple[list[Found], int]]
    """Records, and where to go on."""
    failed: dict[Place, BaseException]


class Link:
    """Connected by the first who asks, again after `close`. `timeout_s` is for one call with all its repetitions."""

    def __init__(self, bootstrap_servers: str, options: Mapping[str, Any], *, timeout_s: float) -> None:
        self.fault: str | None = None
        """Why the last call failed; None where it did not."""
        self._bootstrap_servers: Final = bootstrap_servers
        self._options: Final = options
        self._timeout_s: Final = timeout_s
        self._client: Any = None
        self._connecting: Final = asyncio.Lock()
        self._endings: Final[set[asyncio.Future[None]]] = set()
        """Of clients that nobody waits for any more."""
        self._producing: Final = Producing(timeout_s=timeout_s)
        self._quiet_until_s = 0.0

    async def close(self) -> None:
        """No connection is left."""
        client, self._client = self._client, None
        if client is not None:
            await close_client(client)
        if self._endings:
            await asyncio.wait([*self._endings], timeout=min(self._timeout_s, _ENDINGS_MAX_S))

    async def partitions(self, topic: str) -> int:
        """How many the topic has, as the cluster says at this moment; 0 where there is no such topic."""
        return await self._insist(lambda client: _partitions(client, topic))

    async def identity(self) -> str:
        """What the cluster calls itself: the same at all its servers and listeners."""
        return await self._insist(_identity)

    async def settings(self, topic: str) -> dict[str, str] | None:
        """The topic's, by Kafka's names; None where this user may not read them."""
        return await self._insist(lambda client: settings(client, topic))

    async def change_settings(self, topic: str, values: Mapping[str, str]) -> bool:
        """Set these for that topic. False where that is not this user's to do."""
        return await self._insist(lambda client: change(client, topic, values))

    async def produce(self, topic: str, partition: int, records: Sequence[Record]) -> Appended:
        """Append them as one batch, whole or not at all, in all replicas that are in sync.

        Where it raises they may be stored nonetheless, or come to be. One call at a time for each partition.
        """
        try:
            return await self._insist(lambda client: self._produce(client, topic, partition, records))
        except BaseException:
            self._producing.begin_anew()
            raise

    async def fetch(
        self, wanted: Mapping[Place, int], *, wait_s: float, size_max_bytes: int
    ) -> dict[Place, tuple[list[Found], int]]:
        """Of each partition the records from an offset on, as many as fit, and where to go on.

        Where nothing is there yet it waits that long. All of them, or it raises.
        """
        return await self._insist(lambda client: _fetch(client, wanted, wait_s, size_max_bytes, self._complain))

    async def fetch_each(self, wanted: Mapping[Place, int], *, wait_s: float, size_max_bytes: int) -> Fetched:
        """As `fetch`, asked once: what is wrong with one partition keeps nobody from the others."""
        return await self._insist(lambda client: _fetch_each(client, wanted, wait_s, size_max_bytes, self._complain))

    async def offsets(self, topic: str, times: Mapping[int, int]) -> dict[int, int]:
        """By partition the first offset of that time (milliseconds) or later, LATEST or EARLIEST; LATEST for none."""
        return await self._insist(lambda client: first_offsets(client, topic, times))

    async def extents(self, topic: str, partitions: Sequence[int]) -> dict[int, Extent]:
        """What these have at this moment."""
        return await self._insist(lambda client: extents(client, topic, partitions))

    async def committed(self, group: str, topic: str) -> dict[int, tuple[int, str]]:
        """By partition what the group has committed, with its metadata; nothing where there is no such group."""
        return await self._insist(lambda client: _committed(client, group, topic))

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """For a group without members."""
        return await self._insist(lambda client: _commit(client, group, topic, offsets))

    async def delete_group(self, group: str) -> None:
        """It is no more, or never was. Raises where it has members."""
        return await self._insist(lambda client: _delete_group(client, group))

    async def _insist(self, call: Callable[[Any], Awaitable[_T]]) -> _T:
        """Repeat what may pass, until the time is over. Raises ChannelUnavailable."""
        began_s = time.monotonic()
        deadline_s = began_s + self._timeout_s
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline_s - time.monotonic())):
                    found = await call(await self._connected())
            except FAULTS as error:
                self.fault = str(error) or type(error).__name__
                may_pass = _may_pass(error, time.monotonic() - began_s)
                if not may_pass or time.monotonic() + _PAUSE_S >= deadline_s:
                    raise translated(error) from error
                if self._client is not None:
                    self._client.force_metadata_update()
                await asyncio.sleep(_PAUSE_S)
            else:
                self.fault = None
                return found

    def _complain(self, words: str, *details: object) -> None:
        now_s = time.monotonic()
        if now_s >= self._quiet_until_s:
            self._quiet_until_s = now_s + _QUIET_S
            _logger.warning(words, *details)

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._client is None:
                client = AIOKafkaClient(
                    bootstrap_servers=self._bootstrap_servers,
                    client_id="eventing",
                    request_timeout_ms=round(self._timeout_s * 1000),
                    metadata_max_age_ms=30_000,
                    **self._options,
                )
                await self._start(client)
                self._client = client
            return self._client

    async def _start(self, client: Any) -> None:
        """Who asked may be gone before it has started; cancelled, it would leave its connection open."""
        starting = asyncio.ensure_future(client.bootstrap())
        try:
            await asyncio.shield(starting)
        except BaseException:
            ending = asyncio.ensure_future(_end(client, starting))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
            raise

    async def _produce(self, client: Any, topic: str, partition: int, records: Sequence[Record]) -> Appended:
        leader = await _leader(client, topic, partition)
        return await self._producing.append(client, leader, topic, partition, records)


async def _fetch(
    client: Any, wanted: Mapping[Place, int], wait_s: float, size_max_bytes: int, complain: _Complain
) -> dict[Place, tuple[list[Found], int]]:
    fetched = await _fetch_each(client, wanted, wait_s, size_max_bytes, complain)
    found = dict(fetched.found)
    for place, error in fetched.failed.items():
        if not isinstance(error, OffsetOutOfRangeError):
            raise error
        topic, partition = place
        found[place] = ([], (await first_offsets(client, topic, {partition: EARLIEST}))[partition])
    return found


async def _fetch_each(
    client: Any, wanted: Mapping[Place, int], wait_s: float, size_max_bytes: int, complain: _Complain
) -> Fetched:
    fetched = Fetched({}, {})
    by_leader: dict[int, dict[str, list[tuple[int, int, int]]]] = defaultdict(lambda: defaultdict(list))
    for (topic, partition), offset in wanted.items():
        try:
            leader = await _leader(client, topic, partition)
        except KafkaError as error:
            fetched.failed[topic, partition] = error
        else:
            by_leader[leader][topic].append((partition, offset, size_max_bytes))
    wait_ms = round(wait_s * 1000)
    asked = [
        client.send(leader, FetchRequest(wait_ms, 1, size_max_bytes, _READ_UNCOMMITTED, list(topics.items())))
        for leader, topics in by_leader.items()
    ]
    for topics, answer in zip(by_leader.values(), await asyncio.gather(*asked, return_exceptions=True), strict=True):
        if isinstance(answer, FAULTS):
            fetched.failed.update({(topic, one[0]): answer for topic, ones in topics.items() for one in ones})
        elif isinstance(answer, BaseException):
            raise answer
        else:
            _sort(answer, wanted, fetched, complain)
    if fetched.failed:
        client.force_metadata_update()
    return fetched


def _sort(answer: Any, wanted: Mapping[Place, int], fetched: Fetched, complain: _Complain) -> None:
    for topic, partitions in answer.topics:
        for partition, code, end, *_, body in partitions:
            place = (topic, partition)
            if code:
                fetched.failed[place] = for_code(code)(topic)
            else:
                portion = Portion(partition, wanted[place], end, body or b"")
                fetched.found[place] = _records(topic, portion, complain)


def _records(topic: str, portion: Portion, complain: _Complain) -> tuple[list[Found], int]:
    """From its offset on, without those that cannot be read, and where to go on."""

    def leave_out(offset: int, count: int, why: str) -> None:
        words = "%s: what cannot be read is left out, %d of partition %d from offset %d on: %s"
        complain(words, topic, count, portion.partition, offset, why)

    found: list[Found] = []
    for _, _, begin, end in portion.batches():
        found += [one for one in records(portion.body[begin:end], leave_out) if one.offset >= portion.offset]
    return found, portion.after


async def _end(client: Any, starting: "asyncio.Future[None]") -> None:
    await asyncio.wait([starting])
    if not starting.cancelled():
        starting.exception()  # whoever waited was told, or has gone
    await close_client(client)


async def close_client(client: Any) -> None:
    """Close its connections, with one that somebody is about to make."""
    await client.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ENDINGS_MAX_S), client._get_conn_lock:  # noqa: SLF001
            await client.close()


async def _partitions(client: Any, topic: str) -> int:
    # The client asks for those topics alone that it was told of.
    cluster = client.cluster
    if cluster.partitions_for_topic(topic) is None:
        await client.add_topic(topic)
    await client.force_metadata_update()
    return len(cluster.partitions_for_topic(topic) or ())


async def _identity(client: Any) -> str:
    answer = await client.send(client.get_random_node(), MetadataRequest([]))
    return str(answer.cluster_id)


async def _leader(client: Any, topic: str, partition: int) -> int:
    place = TopicPartition(topic, partition)
    leader = client.cluster.leader_for_partition(place)
    if leader is None or leader == -1:
        if not await _partitions(client, topic):
            raise UnknownTopicOrPartitionError(topic)
        leader = client.cluster.leader_for_partition(place)
        if leader is None or leader == -1:
            raise NotLeaderForPartitionError(topic)
    return int(leader)


async def first_offsets(client: Any, topic: str, times: Mapping[int, int]) -> dict[int, int]:
    """By partition the first offset of that time or later, LATEST or EARLIEST. Raises KafkaError."""
    by_leader: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for partition, time_ms in times.items():
        by_leader[await _leader(client, topic, partition)].append((partition, time_ms))
    found = {}
    for leader, wanted in by_leader.items():
        answer = await client.send(leader, OffsetRequest(-1, _READ_UNCOMMITTED, [(topic, wanted)]))
        for _, partitions in answer.topics:
            for partition, code, _, offset in partitions:
                if code == _NOT_YET:
                    raise LeaderNotAvailableError(topic)
                _check(code)
                found[partition] = int(offset)
    return found


async def extents(client: Any, topic: str, partitions: Sequence[int]) -> dict[int, Extent]:
    """What these have at this moment, as their leaders know it. Raises KafkaError."""
    leaders = {one: await _leader(client, topic, one) for one in partitions}
    ids = {leader: await topic_id(client, leader, topic) for leader in {*leaders.values()}}
    firsts = await first_offsets(client, topic, dict.fromkeys(partitions, EARLIEST))
    ends = await first_offsets(client, topic, dict.fromkeys(partitions, LATEST))
    return {one: Extent(ids[leader], firsts[one], ends[one]) for one, leader in leaders.items()}


async def _coordinator(client: Any, group: str) -> int:
    return int(await client.coordinator_lookup(0, group))


async def _committed(client: Any, group: str, topic: str) -> dict[int, tuple[int, str]]:
    node = await _coordinator(client, group)
    answer = await client.send(node, OffsetFetchRequest(group, None), group=ConnectionGroup.COORDINATION)
    _check(getattr(answer, "error_code", 0))
    found = {}
    for name, partitions in answer.topics:
        for partition, offset, metadata, code in partitions:
            _check(code)
            if name == topic and offset >= 0:
                found[partition] = (offset, metadata or "")
    return found


async def _commit(client: Any, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    node = await _coordinator(client, group)
    places = [(topic, [(partition, offset, "") for partition, offset in offsets.items()])]
    request = OffsetCommitRequest(group, -1, _NOBODY, -1, places)
    answer = await client.send(node, request, group=ConnectionGroup.COORDINATION)
    for _, partitions in answer.topics:
        for _, code in partitions:
            _check(code)


async def _delete_group(client: Any, group: str) -> None:
    node = await _coordinator(client, group)
    answer = await client.send(node, DeleteGroupsRequest([group]), group=ConnectionGroup.COORDINATION)
    for _, code in answer.results:
        if for_code(code) is not GroupIdNotFound:
            _check(code)


def _check(code: int) -> None:
    if code:
        raise for_code(code)


def _may_pass(error: BaseException, passed_s: float) -> bool:
    """Whether asking again may help, so long after it was asked first."""
    if isinstance(error, UnknownTopicOrPartitionError):
        return passed_s < _NEWS_S
    is_transient = isinstance(error, GroupCoordinatorNotAvailableError | NodeNotReadyError | OSError)
    return is_transient or (isinstance(error, KafkaError) and bool(error.retriable))
