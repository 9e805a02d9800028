"""One process's part in a consumer group: the typed seam before aiokafka's consumer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from channels.kafka.errors import FAULTS, translated
from channels.kafka.fetching import Beginning, Fetching, Gone, Place
from channels.kafka.link import close_client
from channels.kafka.portion import Portion

_DAY_MS: Final = 86_400_000
_STOP_MAX_S: Final = 5.0
"""How long leaving may take: a server that is away takes a member for dead by itself."""
_COMMITS_END_S: Final = 0.05


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

    def assigned(self, partitions: Sequence[int]) -> Awaitable[Mapping[int, Place]]:
        """These, and no others; where to go on reading each."""


class Consumer:
    """Reads what the group's coordinator assigns to this process: aiokafka is the member, `Fetching` reads."""

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
            metadata_max_age_ms=5_000,
            request_timeout_ms=30_000,
            retry_backoff_ms=100,
            **options,
        )
        self._fetching: Final = Fetching(self._consumer._client, topic)  # noqa: SLF001 - of the same connections
        self._watching: asyncio.Future[Any] | None = None

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
        await self._fetching.close()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        stopping = asyncio.ensure_future(self._consumer.stop())
        await asyncio.wait([stopping], timeout=_STOP_MAX_S)
        stopping.cancel()
        await asyncio.wait([stopping], timeout=_COMMITS_END_S)
        is_over = stopping.done() and not stopping.cancelled()
        error = stopping.exception() if is_over else None
        if error is not None and not isinstance(error, FAULTS):
            raise error
        if self._commits:  # of a consumer that is closed they would be repeated for ever
            await asyncio.wait([*self._commits], timeout=_COMMITS_END_S)
        for commit in [*self._commits]:
            commit.cancel()
        # Where a fetch waits for its next attempt, aiokafka raises that one's cancellation and leaves its connections;
        # a commit that was on its way connects once more.
        with contextlib.suppress(*FAULTS):
            await close_client(self._consumer._client)  # noqa: SLF001

    async def read(self) -> list[Portion | Beginning | Gone]:
        """What comes next, as soon as there is something. Raises ChannelUnavailable."""
        if self._watching is None:
            self._watching = asyncio.ensure_future(self._watch())
        try:
            return await self._fetching.next()
        except FAULTS as error:
            raise translated(error) from error

    async def _watch(self) -> None:
        """What the coordinator has against this member is told to whoever reads with aiokafka."""
        try:
            while True:
                await self._consumer.getmany(timeout_ms=_DAY_MS)
        except FAULTS as error:
            self._fetching.fail(error)

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

    def pause(self, places: Collection[TopicPartition]) -> None:
        """aiokafka reads nothing of these."""
        self._consumer.pause(*places)

    def go_on(self, places: Mapping[int, Place]) -> None:
        """Read these partitions from there on, and no others."""
        for partition, place in places.items():
            self._consumer.seek(TopicPartition(self._topic, partition), place.offset)
        self._fetching.go_on(places)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: Consumer, owner: Owner) -> None:
        self._consumer = consumer
        self._owner = owner

    async def on_partitions_revoked(self, revoked: Iterator[TopicPartition]) -> None:
        if revoked:
            await self._owner.revoked()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._consumer.pause(assigned)
        self._consumer.go_on(await self._owner.assigned(sorted(place.partition for place in assigned)))
