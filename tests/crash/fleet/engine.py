"""The server that events rest in, behind a proxy: whoever speaks to it can be cut off."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from tests.rig.kafka import Kafka
from tests.rig.proxy import HOST, Proxy
from tests.rig.redis import Fsync, Redis, redis_program

PARTITIONS: Final = 4
"""Of a Kafka topic, at the start."""


class Engine(Protocol):
    """Its methods block. `commit_s` is how long a process keeps what was settled before it writes that down."""

    name: str
    commit_s: float
    proxy: Proxy
    """By which processes reach it."""

    @property
    def is_running(self) -> bool: ...

    @property
    def environment(self) -> Mapping[str, str]:
        """What tells a process of ours to use it. The proxy has been entered."""
        ...

    def initialise(self) -> None:
        """Once, before the first start."""

    def start(self) -> None:
        """Return when it answers."""

    def kill(self) -> None:
        """SIGKILL."""


class RedisEngine:
    """Every write is flushed before it is answered, unless told otherwise."""

    name = "redis"
    commit_s = 0.0

    def __init__(self, folder: Path, *, fsync: Fsync = "always") -> None:
        program = redis_program()
        assert program is not None, "there is a Redis: make rigs"
        folder.mkdir(exist_ok=True)
        self._server = Redis(program, folder, fsync=fsync)
        self.proxy = Proxy(self._server.port)

    @property
    def is_running(self) -> bool:
        return self._server.is_running

    @property
    def environment(self) -> Mapping[str, str]:
        return {"EVENTING_DEFAULT_CHANNEL": "redis", "EVENTING_REDIS_URL": self._server.url_at(self.proxy.port)}

    def initialise(self) -> None:
        pass

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        self._server.kill()

    def pause(self) -> None:
        """SIGSTOP."""
        self._server.pause()


class KafkaEngine:
    """One broker; clients are told to come to the proxy."""

    name = "kafka"
    commit_s = 0.05

    def __init__(self, folder: Path, *, data: Path | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.server: Final = Kafka(folder, settings={} if data is None else {"log.dirs": str(data)})
        self.proxy = self.server.proxy()

    @property
    def is_running(self) -> bool:
        return self.server.is_running

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "EVENTING_DEFAULT_CHANNEL": "kafka",
            "EVENTING_KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{self.proxy.port}",
            "EVENTING_KAFKA_PARTITIONS": str(PARTITIONS),
            "EVENTING_KAFKA_REPLICATION_FACTOR": "1",
        }

    def initialise(self) -> None:
        self.server.initialise()

    def start(self) -> None:
        self.server.start()

    def kill(self) -> None:
        self.server.kill()

    def add_partitions(self, topic: str, more: int) -> None:
        """So many more than there are."""

        async def add(admin: AIOKafkaAdminClient) -> None:
            (told,) = await admin.describe_topics([topic])
            await admin.create_partitions({topic: NewPartitions(len(told["partitions"]) + more)})

        self.server.ask(add)
