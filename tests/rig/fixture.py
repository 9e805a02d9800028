"""Real servers for any test that asks for them by name: each is started once, for all tests of a run."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.rig.cluster import Cluster, running_cluster
from tests.rig.debian_kubectl import debian_kubectl
from tests.rig.kafka import Kafka, running_kafka
from tests.rig.kafka_cluster import KafkaNodes, running_kafka_nodes
from tests.rig.kafka_jars import has_kafka
from tests.rig.kubernetes_build import kubernetes_folder
from tests.rig.postgres import Postgres, postgres_programs, running_postgres
from tests.rig.redis import Redis, redis_program, running_redis
from tests.rig.redis_cluster import RedisCluster, running_redis_cluster


def miss(what: str, advice: str = "make rigs") -> NoReturn:
    """A test that lacks its server, or what else it needs, is skipped with words, but under continuous integration it
    fails: there a test that is never run would go unnoticed.
    """
    words = f"{what} is missing: {advice}"
    if os.environ.get("CI"):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; ask it for databases."""
    programs = postgres_programs()
    if programs is None:
        miss("PostgreSQL")
    with running_postgres(programs) as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A Kafka server that no test harms: each uses topics and groups that are its own."""
    if not has_kafka():
        miss("Kafka")
    with running_kafka() as server:
        yield server


@pytest.fixture
def kafka_alone() -> Iterator[Kafka]:
    """A Kafka server for one test, which may kill it."""
    if not has_kafka():
        miss("Kafka")
    with running_kafka() as server:
        yield server


@pytest.fixture
def kafka_nodes() -> Iterator[KafkaNodes]:
    """A cluster of three for one test, which may kill them."""
    if not has_kafka():
        miss("Kafka")
    with running_kafka_nodes() as nodes:
        yield nodes


@pytest.fixture(scope="session")
def kafka_secure() -> Iterator[Kafka]:
    """A Kafka server with listeners for SASL and TLS."""
    if not has_kafka():
        miss("Kafka")
    with running_kafka(is_secure=True) as server:
        yield server


@pytest.fixture(scope="session")
def kubernetes_programs() -> Path:
    """The folder of `etcd`, `kube-apiserver`, `kube-controller-manager` and `kubectl`."""
    folder = kubernetes_folder()
    if not folder.is_dir():
        miss("Kubernetes")
    return folder


@pytest.fixture(scope="session")
def cluster(kubernetes_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Kubernetes API server that holds nothing but what tests bring."""
    with running_cluster(kubernetes_programs, tmp_path_factory.mktemp("cluster")) as server:
        yield server


@pytest.fixture(scope="session")
def kubectl_programs(kubernetes_programs: Path) -> dict[str, Path]:
    """The kubectls that tests run: a `current` one, and `debian`'s."""
    if not debian_kubectl().is_file():
        miss("Debian's kubectl")
    return {"current": kubernetes_programs / "kubectl", "debian": debian_kubectl()}


@pytest.fixture(scope="session")
def redis_server_program() -> Path:
    """For tests that run a Redis of their own, with `running_redis`."""
    return redis_program() or miss("Redis")


@pytest.fixture(scope="session")
def redis_rig(redis_server_program: Path) -> Iterator[Redis]:
    """A Redis server that all tests share, with an AOF and `appendfsync always`: each uses keys of its own."""
    with running_redis(redis_server_program) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(redis_server_program: Path) -> Iterator[RedisCluster]:
    """A Redis Cluster that no test harms: each uses keys of its own."""
    with running_redis_cluster(redis_server_program) as cluster:
        yield cluster


@pytest.fixture
def redis_cluster_alone(redis_server_program: Path) -> Iterator[RedisCluster]:
    """A Redis Cluster for one test, which may kill its nodes."""
    with running_redis_cluster(redis_server_program) as cluster:
        yield cluster
