"""A Kafka cluster: what channels share, and what is made and deleted there."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import InvalidPartitionsError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from channels.errors import ChannelUnavailable
from channels.kafka.channel import KafkaChannel
from channels.kafka.consumer import Consumer, Timing
from channels.kafka.dead_letter import KafkaDeadLetters
from channels.kafka.errors import FAULTS, translated
from channels.kafka.link import Link
from channels.kafka.security import Security
from channels.kafka.tail import Tail
from channels.kafka.topic import STATE_CONFIG, Topic

_CALL_TIMEOUT_S: Final = 10.0
"""After so long without an answer a producer gets its 503. What it sent may be stored all the same."""
DEAD_LETTER_TOPIC: Final = "eventing-dead-letters"
_COMPLAIN_S: Final = 1.0
_EVENTS_MAX: Final = 1_000_000
_SIZE_MAX_BYTES: Final = 2**40
_UNTIL_S: Final = 10.0

_logger: Final = logging.getLogger("channels.kafka")


class KafkaCluster:
    """Entered once, left once. Entering needs no server: a channel's entering does."""

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        security: Security | None = None,
        timing: Timing | None = None,
        timeout_s: float = _CALL_TIMEOUT_S,
        dead_letter_topic: str = DEAD_LETTER_TOPIC,
        dead_letter_events_max: int = _EVENTS_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bootstrap_servers: Final = bootstrap_servers
        self.timing: Final = Timing() if timing is None else timing
        self._options: dict[str, Any] = (security or Security()).options()
        self._clock: Final = clock
        self.link: Final = Link(bootstrap_servers, self._options, timeout_s=timeout_s)
        self._patient: Final = Link(bootstrap_servers, self._options, timeout_s=timeout_s)
        self.tail: Final = Tail(self.link, self._patient, patience_s=timeout_s)
        self.dead_letters: Final = KafkaDeadLetters(
            self.link, self.tail, dead_letter_topic, events_max=dead_letter_events_max, patience_s=timeout_s
        )
        self.identity = ""
        """What it calls itself, at whichever address; empty until its dead letters are open."""
        self._are_letters_open = False
        self._opening: Final = asyncio.Lock()
        self._channels: Final[list[KafkaChannel]] = []
        self._complained_s = -_COMPLAIN_S

    async def __aenter__(self) -> Self:
        # It says the same line some times a second for as long as a server is away: what is wrong is said here, once.
        library = logging.getLogger("aiokafka")
        if library.level == logging.NOTSET:
            library.setLevel(logging.CRITICAL)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.dead_letters.close()
        await self.tail.close()
        await self._patient.close()
        await self.link.close()

    @property
    def fault(self) -> str | None:
        """Why something cannot be stored, or read, at this moment."""
        faults = [self.link.fault, self.dead_letters.fault, *[one.fault for one in self._channels]]
        return next((one for one in faults if one is not None), None)

    def channel(
        self,
        name: str,
        *,
        topic: Topic,
        events_max: int = _EVENTS_MAX,
        size_max_bytes: int = _SIZE_MAX_BYTES,
        adds_position_attributes: bool = False,
    ) -> KafkaChannel:
        """A channel, not entered yet. `name` is what people know it by."""
        return KafkaChannel(
            self,
            name,
            topic,
            events_max=events_max,
            size_max_bytes=size_max_bytes,
            adds_position_attributes=adds_position_attributes,
        )

    async def replace_security(self, security: Security | None) -> None:
        """Come in anew, with these. What is on its way is sent again where it has to. Raises ValueError."""
        options = (security or Security()).options()
        self._options.clear()
        self._options.update(options)
        await self.link.close()
        await self._patient.close()
        for channel in self._channels:
            channel.rejoin()

    async def drop(self, topic: Topic, groups: tuple[str, ...] = ()) -> None:
        """The channel of that topic is no more: its groups and its state; its log too, unless it is external. Raises
        ChannelUnavailable.
        """
        for group in groups:
            await self.link.delete_group(topic.group(group))
        await self._delete([topic.state] if topic.is_external else [topic.state, topic.name])

    async def ensure(self, topic: Topic) -> int:
        """The topic of a log is there: how many partitions it has. Raises ChannelUnavailable."""
        count = await self.link.partitions(topic.name)
        if not count and topic.is_external:
            raise ChannelUnavailable(f"Kafka: there is no topic {topic.name}, and it is not ours to make")
        if not count:
            await self._create(topic.name, topic.partitions, topic.replication_factor, topic.config)
            count = await self._wait_for(topic.name, topic.partitions)
        elif count < topic.partitions and not topic.is_external:
            await self._widen(topic.name, topic.partitions)
            count = await self._wait_for(topic.name, topic.partitions)
        return count

    async def open_dead_letters(self, replication_factor: int) -> None:
        """They are there, and what is in them is known. Twice is once. Raises ChannelUnavailable."""
        async with self._opening:
            if not self._are_letters_open:
                await self.ensure_compacted(self.dead_letters.topic, 1, replication_factor)
                self.identity = await self.link.identity()
                await self.dead_letters.open()
                self._are_letters_open = True

    async def keep_dead_letters(self, replication_factor: int) -> None:
        """Their topic is there: made again where it is gone. Raises ChannelUnavailable where it was not so."""
        topic = self.dead_letters.topic
        async with self._opening:
            if await self.link.partitions(topic):
                return
            _logger.warning("the topic %s is gone with its dead letters: it is made again", topic)
            await self.ensure_compacted(topic, 1, replication_factor)
            self.tail.doubt(topic)
        raise ChannelUnavailable(f"Kafka: the topic {topic} was gone, with its dead letters; it is made again")

    async def ensure_state(self, topic: Topic, partitions: int) -> None:
        """The state topic has as many partitions. Raises ChannelUnavailable."""
        await self.ensure_compacted(topic.state, partitions, topic.replication_factor)

    async def ensure_compacted(self, name: str, partitions: int, replication_factor: int) -> None:
        """A compacted topic is there, and has as many partitions at least. Raises ChannelUnavailable."""
        count = await self.link.partitions(name)
        if count >= partitions:
            return
        if count:
            await self._widen(name, partitions)
        else:
            await self._create(name, partitions, replication_factor, STATE_CONFIG)
        await self._wait_for(name, partitions)

    def consumer(self, topic: str, group: str) -> Consumer:
        """A member of a group, not joined yet."""
        return Consumer(self.bootstrap_servers, self._options, topic, group, self.timing)

    def attach(self, channel: KafkaChannel) -> None:
        """It is entered."""
        self._channels.append(channel)

    def detach(self, channel: KafkaChannel) -> None:
        """It was left."""
        self._channels.remove(channel)

    def complain(self, words: str, *details: object, error: BaseException | None = None) -> None:
        """A line in the log, at most one a second whatever the cluster does; with the trace of an error that nobody
        foresaw.
        """
        now_s = self._clock()
        if now_s - self._complained_s >= _COMPLAIN_S:
            self._complained_s = now_s
            _logger.warning(words, *details, exc_info=None if isinstance(error, ChannelUnavailable) else error)

    async def _wait_for(self, name: str, partitions: int) -> int:
        deadline_s = self._clock() + _UNTIL_S
        while (count := await self.link.partitions(name)) < partitions:
            if self._clock() > deadline_s:
                raise ChannelUnavailable(f"Kafka: the topic {name} does not appear")
            await asyncio.sleep(0.02)
        return count

    async def _create(self, name: str, partitions: int, replication_factor: int, config: Mapping[str, str]) -> None:
        topic = NewTopic(name, partitions, replication_factor, topic_configs=dict(config))
        async with self._admin() as admin:
            answer = await admin.create_topics([topic])
            for _, code, *words in answer.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(words[0] if words else name)

    async def _widen(self, name: str, partitions: int) -> None:
        async with self._admin() as admin:
            with contextlib.suppress(InvalidPartitionsError):  # another process was quicker: there are as many
                await admin.create_partitions({name: NewPartitions(total_count=partitions)})

    async def _delete(self, names: list[str]) -> None:
        async with self._admin() as admin:
            answer = await admin.delete_topics(names)
            for name, code in answer.topic_error_codes:
                error = for_code(code)
                if code and error is not UnknownTopicOrPartitionError:
                    raise error(name)

    @contextlib.asynccontextmanager
    async def _admin(self) -> Any:
        """For what is made and deleted: rare, so that it has its own connection while it is needed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers, client_id="eventing", **self._options)
        try:
            await admin.start()
            yield admin
        except FAULTS as error:
            raise translated(error) from error
        finally:
            await admin.close()
