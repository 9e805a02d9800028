"""A private Redis Cluster: three masters with a third of the slots each, and a replica of each."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import redis

from tests.e2e.process import wait_until
from tests.rig.child import free_port
from tests.rig.redis import ADMINISTRATOR, ADMINISTRATOR_PASSWORD, HOST, Redis

MASTERS: Final = 3
_SLOTS: Final = 16384
_NODE_TIMEOUT_MS: Final = 1000
_FOLLOW_MS: Final = 20_000
_MIGRATE_MS: Final = 5000


class RedisCluster:
    """Any of its nodes may be killed: where that is a master, its replica takes over within a few seconds."""

    def __init__(self, program: Path, folder: Path, **options: Any) -> None:
        taken: set[int] = set()
        self.nodes: Final = [_node(program, folder / str(number), options, taken) for number in range(2 * MASTERS)]

    @property
    def url(self) -> str:
        """With all of them as seeds."""
        return f"redis+cluster://{self.hosts}"

    @property
    def hosts(self) -> str:
        """As a URL has them."""
        return ",".join([f"{HOST}:{node.port}" for node in self.nodes])

    def start(self) -> None:
        """Return when all slots are served and each master has its replica."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            [*pool.map(Redis.start, self.nodes)]
        first, masters, replicas = self.nodes[0], self.nodes[:MASTERS], self.nodes[MASTERS:]
        for number, node in enumerate(masters):
            bounds = _SLOTS * number // MASTERS, _SLOTS * (number + 1) // MASTERS - 1
            node.call("CLUSTER", "ADDSLOTSRANGE", *bounds)
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            node.call("CLUSTER", "MEET", HOST, first.port, first.call("CONFIG", "GET", "cluster-port")["cluster-port"])
        for node in self.nodes:
            _wait_info(node, f"cluster_known_nodes:{len(self.nodes)}")
        for master, replica in zip(masters, replicas, strict=True):
            replica.call("CLUSTER", "REPLICATE", master.call("CLUSTER", "MYID"))
        for master in masters:
            assert master.call("WAIT", 1, _FOLLOW_MS), "its replica follows"
        self.wait_whole()

    def stop(self) -> None:
        """Nobody needs their data any more."""
        for node in self._running:
            node.kill()

    def wait_whole(self) -> None:
        """Until all that run say that every slot is served."""
        for node in self._running:
            _wait_info(node, "cluster_state:ok")

    def master(self, key: str) -> Redis | None:
        """The node that has a key's slot; None while nobody has, or it is on its way elsewhere."""
        return next((node for node in self._running if _has(node, key)), None)

    def replica(self, master: Redis) -> Redis:
        """Who follows it."""
        return next(node for node in self._running if node.call("ROLE")[2:3] == [master.port])

    def keys(self, pattern: str) -> list[str]:
        """At all masters."""
        masters = [node for node in self._running if node.call("ROLE")[0] == "master"]
        return sorted({key for node in masters for key in node.call("KEYS", pattern)})

    def migration(self, key: str, target: Redis) -> "Migration":
        """The slot of a key on its way to another master."""
        source = self.master(key)
        assert source is not None, "somebody has it"
        return Migration(source, target, int(source.call("CLUSTER", "KEYSLOT", key)))

    @property
    def _running(self) -> Sequence[Redis]:
        return [node for node in self.nodes if node.is_running]


class Migration:
    """What `redis-cli --cluster reshard` does with one slot, step by step."""

    def __init__(self, source: Redis, target: Redis, slot: int) -> None:
        self._source: Final = source
        self._target: Final = target
        self._slot: Final = slot
        self._name: Final = target.call("CLUSTER", "MYID")

    def begin(self) -> None:
        """From here on a key that is not at its source is asked for at the target."""
        self._target.call("CLUSTER", "SETSLOT", self._slot, "IMPORTING", self._source.call("CLUSTER", "MYID"))
        self._source.call("CLUSTER", "SETSLOT", self._slot, "MIGRATING", self._name)

    def move(self, count: int) -> int:
        """So many keys at most; how many there were."""
        keys = self._source.call("CLUSTER", "GETKEYSINSLOT", self._slot, count)
        login = ("AUTH2", ADMINISTRATOR, ADMINISTRATOR_PASSWORD)
        if keys:
            self._source.call("MIGRATE", HOST, self._target.port, "", 0, _MIGRATE_MS, *login, "KEYS", *keys)
        return len(keys)

    def end(self) -> None:
        """The target has it."""
        for node in (self._target, self._source):
            node.call("CLUSTER", "SETSLOT", self._slot, "NODE", self._name)


def _node(program: Path, folder: Path, options: Mapping[str, Any], taken: set[int]) -> Redis:
    """One whose two ports no other one has, though none of them listens yet; they are `taken` from then on."""
    folder.mkdir()
    bus = free_port()
    while bus in taken:
        bus = free_port()
    words = (
        "--cluster-enabled", "yes", "--cluster-config-file", "nodes", "--cluster-port", str(bus),
        "--cluster-node-timeout", str(_NODE_TIMEOUT_MS), "--cluster-replica-validity-factor", "0",
        "--repl-diskless-sync-delay", "0",
    )  # fmt: skip
    taken.add(bus)
    node = Redis(program, folder, **{**options, "options": words})
    while node.port in taken:
        node = Redis(program, folder, **{**options, "options": words})
    taken.add(node.port)
    return node


def _wait_info(node: Redis, words: str) -> None:
    wait_until(lambda: words in str(node.call("CLUSTER", "INFO")), f"a node says {words}")


def _has(node: Redis, key: str) -> bool:
    try:
        node.call("EXISTS", key)
    except redis.exceptions.ResponseError:  # MOVED, ASK, CLUSTERDOWN
        return False
    return True


@contextmanager
def running_redis_cluster(program: Path, **options: Any) -> Iterator[RedisCluster]:
    """It runs until the end of the block, with the options of `Redis`; its folders are removed then."""
    with tempfile.TemporaryDirectory(prefix="eventing-rediscluster-") as folder:
        cluster = RedisCluster(program, Path(folder), **options)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
