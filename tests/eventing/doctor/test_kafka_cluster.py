import asyncio
import time
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from eventing.doctor.finding import Finding
from eventing.doctor.kafka_cluster import examine_kafka
from eventing.doctor.kafka_connection import KafkaAddress
from eventing.doctor.kafka_topic_judgement import TopicWish
from tests.eventing.doctor.seen import findings, unwell, words
from tests.rig.fixture import miss
from tests.rig.kafka import PASSWORD, USER, Kafka, running_kafka
from tests.rig.kafka_cluster import KafkaNodes
from tests.rig.kafka_jars import has_kafka
from tests.rig.proxy import Proxy

TIMEOUT_S = 10.0
SMALL = {"kafka-brokers": "warning"}
"""What a cluster of one broker is told in any case."""


@pytest.fixture(scope="module")
def server() -> Iterator[Kafka]:
    """One broker, with all kinds of listeners and an authorizer whose administrator is everybody but `alice`."""
    if not has_kafka():
        miss("Kafka")
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "SCRAM-SHA-256,PLAIN",
    }
    with running_kafka(is_secure=True, settings=settings) as server:
        yield server


@pytest.fixture(scope="module")
def topics(server: Kafka) -> None:
    """`good`, as it should be with one broker, and `bad`."""
    asyncio.run(make_topics(server))


async def make_topics(server: Kafka) -> None:
    bad = {"min.insync.replicas": "2", "max.message.bytes": "1000", "cleanup.policy": "compact"}
    client = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap_servers)
    await client.start()
    await client.create_topics([NewTopic("good", 2, 1), NewTopic("bad", 1, 1, topic_configs=bad)])
    await client.close()


def wish(name: str, **given: object) -> TopicWish:
    """A topic of two partitions."""
    return TopicWish(name, **{"partitions": 2, "replication_factor": 1, "size_max_bytes": 2**20, **given})  # type: ignore[arg-type]


async def look(*servers: str, timeout_s: float = TIMEOUT_S, **given: object) -> list[Finding]:
    """At the cluster that is found there."""
    return await findings(examine_kafka(KafkaAddress(servers, **given), timeout_s))  # type: ignore[arg-type]


@pytest.mark.usefixtures("topics")
async def test_a_topic_is_as_good_as_its_broker(server: Kafka) -> None:
    """One replica is told, and everything else of it is well."""
    found = await look(server.bootstrap_servers, topics=(wish("good", group="readers"),))
    assert {**SMALL, "kafka-replication": "warning"} == unwell(found)
    told = words(found, "kafka-rights")
    assert "topic good: Read, Write, DescribeConfigs, Create, Alter, Delete are allowed" in told
    assert "group readers: Read, Delete are allowed" in told
    assert words(found, "kafka-clock").startswith("its controller's clock is 0.")


@pytest.mark.usefixtures("topics")
async def test_a_topic_that_is_ill_is_told(server: Kafka) -> None:
    """By its own settings and those it has from its cluster."""
    expected = {
        **SMALL,
        "kafka-replication": "warning",
        "kafka-in-sync": "failure",
        "kafka-size": "failure",
        "kafka-cleanup": "failure",
    }
    assert expected == unwell(await look(server.bootstrap_servers, topics=(wish("bad"),)))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"is_external": True}, {"kafka-topic": "failure"}),
        ({"replication_factor": 3}, {"kafka-brokers": "failure", "kafka-creation": "failure"}),
        ({"config": {"retention.ms": "long"}}, {"kafka-creation": "failure"}),
    ],
)
async def test_a_topic_that_is_not_there_is_wished_for(
    server: Kafka, given: dict[str, object], expected: dict[str, str]
) -> None:
    """Only to be checked: twice is the same."""
    for _ in range(2):
        found = await look(server.bootstrap_servers, topics=(wish("absent", **given),))
        assert {**SMALL, **expected} == unwell(found)


@pytest.mark.usefixtures("topics")
async def test_rights_that_are_missing_are_told(server: Kafka) -> None:
    """A user to whom nothing was allowed sees nothing."""
    login = {"user": USER, "password": PASSWORD, "mechanism": "SCRAM-SHA-256"}
    found = await look(server.address("SASL_PLAINTEXT"), topics=(wish("good"), wish("absent")), **login)
    assert {**SMALL, "kafka-topic": "failure", "kafka-rights": "failure"} == unwell(found)
    assert "good: this user may not see it\nabsent: this user may not see it" == words(found, "kafka-topic")


async def test_how_many_replicas_a_write_must_reach_is_judged(kafka_nodes: KafkaNodes) -> None:
    """One of three leaves what was accepted to one broker; all three stop with the first; four of three never begin."""
    topics = [
        NewTopic(f"least-{least}", 2, 3, topic_configs={"min.insync.replicas": str(least)}) for least in (1, 2, 3, 4)
    ]
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_nodes.bootstrap_servers)
    await client.start()
    await client.create_topics(topics)
    await client.close()
    wishes = tuple(wish(one.name, replication_factor=3) for one in topics)
    found = await look(*kafka_nodes.bootstrap_servers.split(","), topics=wishes)
    told = [(one.verdict, one.words) for one in found if one.check.value == "kafka-in-sync"]
    has = "has 3 replicas and min.insync.replicas"
    assert [
        ("warning", f"least-1 {has} 1: a 202 may rest on one broker alone"),
        ("ok", f"least-2 {has} 2"),
        ("warning", f"least-3 {has} 3: one broker that is down stops all writes"),
        ("failure", f"least-4 {has} 4: no write can ever succeed, every producer gets 503"),
    ] == told


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
async def test_a_login_is_tried(server: Kafka, mechanism: str) -> None:
    """The right one, and a wrong one."""
    place = server.address("SASL_PLAINTEXT")
    assert SMALL == unwell(await look(place, user=USER, password=PASSWORD, mechanism=mechanism))
    (found,) = await look(place, user=USER, password="wrong", mechanism=mechanism)
    assert f"SASL_PLAINTEXT {mechanism}: user or password is refused" == found.words


async def test_a_mechanism_that_it_does_not_have_is_named(server: Kafka) -> None:
    """That is no wrong password."""
    (found,) = await look(server.address("SASL_PLAINTEXT"), user=USER, password=PASSWORD, mechanism="SCRAM-SHA-512")
    assert ("kafka-login", "it has no mechanism SCRAM-SHA-512") == (found.check, found.words)


async def test_a_listener_that_asks_for_more_is_told(server: Kafka) -> None:
    """It closes the connection of who does not log in."""
    found = await look(server.address("SASL_PLAINTEXT"))
    assert {"kafka-login": "failure"} == unwell(found)
    assert "it closes the connection: it does not take PLAINTEXT" == words(found, "kafka-login")


async def test_tls_is_told_from_none(server: Kafka) -> None:
    """Each fault in words of its own."""
    ca = server.authority.cert_pem.bytes().decode()
    assert SMALL == unwell(await look(server.address("SSL"), has_tls=True, ca=ca))
    assert "its certificate is not trusted" in words(await look(server.address("SSL"), has_tls=True), "kafka-reachable")
    assert "kafka-reachable" in unwell(await look(server.address("SSL")))
    assert "kafka-reachable" in unwell(await look(server.bootstrap_servers, has_tls=True))
    assert {"kafka-login": "failure"} == unwell(await look(server.address("SSL"), has_tls=True, ca="no PEM"))


async def test_one_server_of_several_is_enough_to_begin_with(server: Kafka) -> None:
    """The others are told."""
    found = await look(server.bootstrap_servers, "127.0.0.1:1")
    assert {**SMALL, "kafka-reachable": "warning"} == unwell(found)
    assert "127.0.0.1:1: Connection refused" == words(found, "kafka-reachable")
    assert {"kafka-reachable": "failure"} == unwell(await look("127.0.0.1:1"))


async def test_a_black_hole_costs_no_longer_than_allowed(server: Kafka) -> None:
    """Connections that are taken and never answered."""
    async with Proxy(int(server.bootstrap_servers.rpartition(":")[2])) as proxy:
        proxy.manner = "hole"
        began_s = time.monotonic()
        found = await look(f"127.0.0.1:{proxy.port}", timeout_s=0.5)
        assert f"127.0.0.1:{proxy.port}: no answer within 0.5 s" == words(found, "kafka-reachable")
        assert time.monotonic() - began_s < 5.0


async def test_an_advertised_listener_that_leads_nowhere_is_told(server: Kafka) -> None:
    """The classic: it answers, and sends its clients away."""
    with running_kafka(settings={"advertised.listeners": "PLAINTEXT://127.0.0.1:1"}) as astray:
        found = await look(astray.bootstrap_servers, topics=(wish("good"),))
        assert {**SMALL, "kafka-listeners": "failure"} == unwell(found)
        assert "broker 1 says it is at 127.0.0.1:1, and there: Connection refused" == words(found, "kafka-listeners")


async def test_a_cluster_that_wants_a_certificate_is_told(server: Kafka) -> None:
    """What its alert says, where no reset of the connection overtakes it; with one of its authority all is well."""
    place, ca = server.address("CERTIFIED"), server.authority.cert_pem.bytes().decode()
    issued = server.authority.issue_cert("eventing")
    chain = b"".join([part.bytes() for part in issued.cert_chain_pems]).decode()
    own = {"certificate": chain, "key": issued.private_key_pem.bytes().decode()}
    assert SMALL == unwell(await look(place, has_tls=True, ca=ca, **own))
    told = ""
    while "bad certificate" not in told:
        found = await look(place, has_tls=True, ca=ca)
        assert "failure" == unwell(found)["kafka-reachable"]
        told = words(found, "kafka-reachable")
