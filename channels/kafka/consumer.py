"""One process's part in a consumer group: the typed seam before aiokafka's consumer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError, CorruptRecordException, KafkaError, RecordTooLargeError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from channels.kafka.errors import FAULTS, translated
from channels.kafka.link import Found, close_client

_DAY_MS: Final = 86_400_000
_STOP_MAX_S: Final = 5.0
"""How long leaving may take: a server that is away takes a member for dead by itself."""
_COMMITS_END_S: Final = 0.05
_FETCH_SIZE_MAX_BYTES: Final = 8 * 2**20
_PARTITION_SIZE_MAX_BYTES: Final = 2**20
"""A partition's share of one fetch: so much at least waits in memory for a group that is behind."""


class Timing(NamedTuple):
    """How patient a group is. A member that was not heard of for `session_s` is taken for gone."""

    session_s: float = 10.0
    heartbeat_s: float = 2.0
    patience_s: float = 5.0
    """How long a takeover waits for what is on its way."""


class Owner(Protocol):
    """Who is told which partitions are this process's."""

    def revoked(self) -> Awaitable[None]:
        """All of them are to be given up until the next `assigned`; what is settled is to be committed before."""

    def assigned(self, partitions: Sequence[int]) -> Awaitable[Mapping[int, int]]:
        """These, and no others; where to go on reading each."""


class Consumer:
    """Reads what the group's coordinator assigns to this process."""

    def __init__(
        self, bootstrap_servers: str, options: Mapping[str, Any], topic: str, group: str, timing: Timing
    ) -> None:
        self._topic: Final = topic
        self._timing: Final = timing
        self._commits: Final[set[asyncio.Future[None]]] = set()
        self._consumer: Final = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            client_id="eventing",
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=round(timing.session_s * 1000),
            heartbeat_interval_ms=round(timing.heartbeat_s * 1000),
            # Whoever is behind stops reading for as long as it takes: that is no reason to take its partitions away.
            max_poll_interval_ms=_DAY_MS,
            rebalance_timeout_ms=round((timing.session_s + timing.patience_s) * 1000),
            fetch_max_bytes=_FETCH_SIZE_MAX_BYTES,
            max_partition_fetch_bytes=_PARTITION_SIZE_MAX_BYTES,
            fetch_max_wait_ms=500,
            metadata_max_age_ms=5_000,
            request_timeout_ms=30_000,
            retry_backoff_ms=100,
            **options,
        )

    async def start(self, owner: Owner) -> None:
        """Join. Raises ChannelUnavailable."""
        self._consumer.subscribe([self._topic], listener=_Listener(self, owner))
        starting = asyncio.ensure_future(self._consumer.start())
        try:
            await asyncio.shield(starting)
        except FAULTS as error:
            await self.stop()
            raise translated(error) from error
        except asyncio.CancelledError:
            # Cancelled while it starts, it would leave its first connection open.
            await asyncio.wait([starting], timeout=_STOP_MAX_S)
            if not starting.cancel() and not starting.cancelled():
                starting.exception()  # nobody is left to be told
            await self.stop()
            raise

    async def stop(self) -> None:
        """Leave, and give everything up, within the patience that a server which is away gets."""
        stopping = asyncio.ensure_future(self._consumer.stop())
        await asyncio.wait([stopping], timeout=_STOP_MAX_S)
        stopping.cancel()
        await asyncio.wait([stopping], timeout=_COMMITS_END_S)
        is_over = stopping.done() and not stopping.cancelled()
        error = stopping.exception() if is_over else None
        if error is not None and not isinstance(error, FAULTS):
            raise error
        # Where a fetch waits for its next attempt, aiokafka raises that one's cancellation and leaves its connections.
        with contextlib.suppress(*FAULTS):
            await close_client(self._consumer._client)  # noqa: SLF001
        if self._commits:  # of a consumer that is closed they would be repeated for ever
            await asyncio.wait([*self._commits], timeout=_COMMITS_END_S)
        for commit in [*self._commits]:
            commit.cancel()

    async def read(self, max_records: int) -> Mapping[int, Sequence[Found]]:
        """By partition the next records, as soon as there are some. Raises ChannelUnavailable."""
        try:
            found = await self._consumer.getmany(timeout_ms=_DAY_MS, max_records=max_records)
        except (CorruptRecordException, RecordTooLargeError):
            raise
        except FAULTS as error:
            raise translated(error) from error
        return {place.partition: records for place, records in found.items()}

    def end(self, partition: int) -> int:
        """One after the last record that the partition has, as far as is known here; 0 where it is not."""
        with contextlib.suppress(KafkaError, AssertionError):
            return int(self._consumer.highwater(TopicPartition(self._topic, partition)) or 0)
        return 0

    async def commit(self, offsets: Mapping[int, tuple[int, str]]) -> bool:
        """Keep them with the group. False where these partitions are another's by now. Raises ChannelUnavailable."""
        places = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, metadata)
            for partition, (offset, metadata) in offsets.items()
        }
        task = asyncio.ensure_future(self._consumer.commit(places))
        self._commits.add(task)
        task.add_done_callback(self._end_commit)
        # Cancelled, aiokafka would leave its request behind, whose end nobody looks at.
        if not (await asyncio.wait([task], timeout=self._timing.session_s))[0]:
            raise translated(TimeoutError("a commit was not answered"))
        try:
            task.result()
        except CommitFailedError:
            return False
        except FAULTS as error:
            raise translated(error) from error
        return True

    def _end_commit(self, task: "asyncio.Future[None]") -> None:
        """Whoever asked may have gone: what became of it is looked at."""
        self._commits.discard(task)
        if not task.cancelled():
            task.exception()

    def seek(self, partition: int, offset: int) -> None:
        """Go on there."""
        self._consumer.seek(TopicPartition(self._topic, partition), offset)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: Consumer, owner: Owner) -> None:
        self._consumer = consumer
        self._owner = owner

    async def on_partitions_revoked(self, revoked: Iterator[TopicPartition]) -> None:
        if revoked:
            await self._owner.revoked()

    async def on_partitions_assigned(self, assigned: Iterator[TopicPartition]) -> None:
        places = await self._owner.assigned(sorted(place.partition for place in assigned))
        for partition, offset in places.items():
            self._consumer.seek(partition, offset)
