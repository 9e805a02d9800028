"""A Kafka cluster of three nodes, each broker and controller, that holds everything three times."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient

from tests.rig.kafka import Kafka, new_cluster_id

REPLICAS: Final = 3
_SETTINGS: Final = {
    "min.insync.replicas": "2",
    "default.replication.factor": "3",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "replica.lag.time.max.ms": "3000",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
}


class KafkaNodes:
    """Any of them may be killed; two go on."""

    def __init__(self, folder: Path) -> None:
        folders = {number: folder / str(number) for number in range(1, REPLICAS + 1)}
        for one in folders.values():
            one.mkdir()
        self.nodes: Final = {number: Kafka(one) for number, one in folders.items()}
        """By the number that Kafka knows each by."""

    @property
    def bootstrap_servers(self) -> str:
        """All of them."""
        return ",".join([node.bootstrap_servers for node in self.nodes.values()])

    def start(self) -> None:
        """Return when all answer."""
        voters = ",".join([f"{number}@{node.address('CONTROLLER')}" for number, node in self.nodes.items()])
        cluster_id = new_cluster_id()

        def start(number: int) -> None:
            own = {"node.id": str(number), "controller.quorum.voters": voters}
            self.nodes[number].initialise(cluster_id, {**_SETTINGS, **own})
            self.nodes[number].start()

        # None of them is ready before two are there.
        with ThreadPoolExecutor(REPLICAS) as pool:
            for _ in pool.map(start, self.nodes):
                pass

    def end(self) -> None:
        """Nobody needs their data any more."""
        for node in self.nodes.values():
            node.end()

    def leader(self, topic: str, partition: int = 0) -> int:
        """The number of the node that leads there; 0 for none. Outside of an event loop."""
        return int(self._partition(topic, partition)["leader"])

    def in_sync(self, topic: str, partition: int = 0) -> set[int]:
        """The numbers of those that have all that is acknowledged there. Outside of an event loop."""
        return set(self._partition(topic, partition)["isr"])

    def _partition(self, topic: str, partition: int) -> Any:
        async def describe(admin: AIOKafkaAdminClient) -> Any:
            [told] = await admin.describe_topics([topic])
            return next(one for one in told["partitions"] if one["partition"] == partition)

        alive = next(node for node in self.nodes.values() if node.is_running)
        return alive.ask(describe)


@contextmanager
def running_kafka_nodes() -> Iterator[KafkaNodes]:
    """They run until the end of the block; their folders are removed then."""
    with tempfile.TemporaryDirectory(prefix="eventing-kafkas-") as folder:
        nodes = KafkaNodes(Path(folder))
        try:
            nodes.start()
            yield nodes
        finally:
            nodes.end()
