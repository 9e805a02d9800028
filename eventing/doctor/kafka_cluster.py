"""A Kafka cluster, asked. Nothing is made and nothing written."""

import ssl
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import errors
from aiokafka.protocol.admin import ApiVersionRequest

from eventing.doctor import kafka_judgement as judgement
from eventing.doctor.check import Check
from eventing.doctor.clock_judgement import judge_clock
from eventing.doctor.finding import Finding, failure, ok, skipped
from eventing.doctor.kafka_connection import LOST, Cluster, KafkaAddress
from eventing.doctor.kafka_quorum import QUORUM_KEY, QUORUM_VERSION, QuorumRequest, leader_time_s
from eventing.doctor.kafka_request import METADATA_KEY, METADATA_VERSION, RightsRequest
from eventing.doctor.kafka_right_judgement import Grantee
from eventing.doctor.kafka_topic import examine_topics
from eventing.doctor.kafka_topic_judgement import TopicWish

_REFUSED: Final = (
    errors.UnsupportedSaslMechanismError,
    errors.SaslAuthenticationFailed,
    errors.IllegalSaslStateError,
    errors.AuthenticationFailedError,
)
_CLOCK_USE: Final = "Kafka deletes by its own clock what bears our times, and refuses events an hour ahead of it"


async def examine_kafka(address: KafkaAddress, timeout_s: float) -> AsyncIterator[Finding]:
    """All about it; each answer has that long."""
    try:
        cluster = Cluster(address, timeout_s)
    except ssl.SSLError as error:
        yield failure(Check.KAFKA_LOGIN, f"ca.crt, user.crt or user.key: {error}", "mend them in the Secret")
        return
    async with _closing(cluster):
        try:
            async for finding in _examine(cluster, address):
                yield finding
        except LOST as error:
            words = f"it stopped answering: {cluster.words_of(error)}"
            yield failure(Check.KAFKA_REACHABLE, words, "look into the broker's log")


async def _examine(cluster: Cluster, address: KafkaAddress) -> AsyncIterator[Finding]:
    faults = await cluster.faults(address.bootstrap_servers)
    refused = next((error for error in faults.values() if isinstance(error, _REFUSED)), None)
    if refused is not None:
        yield _refusal(address, refused)
        return
    yield judgement.judge_bootstrap(
        {place: None if error is None else cluster.words_of(error) for place, error in faults.items()}
    )
    grantee = Grantee(address.principal, ",".join(address.bootstrap_servers))
    first = next((place for place, error in faults.items() if error is None), None)
    if first is None:
        return
    connection = await cluster.connect(first)
    try:
        versions = {api: newest for api, _, newest in (await connection.send(ApiVersionRequest())).api_versions}
        knows_rights = versions.get(METADATA_KEY, 0) >= METADATA_VERSION
        seen = await connection.send(RightsRequest([wish.name for wish in address.topics])) if knows_rights else None
    except errors.KafkaConnectionError:
        advice = "give a Secret with the protocol, user and password that the listener asks for"
        yield failure(Check.KAFKA_LOGIN, f"it closes the connection: it does not take {address.manner}", advice)
        return
    yield ok(Check.KAFKA_LOGIN, f"{address.manner} is accepted")
    yield judgement.judge_versions(versions)
    yield await _clock(connection, versions, grantee)
    if seen is None:
        yield skipped(Check.KAFKA_TOPIC, "topics are not looked at in so old a cluster")
        return
    async for finding in _inside(cluster, connection, seen.to_object(), address.topics, grantee):
        yield finding


async def _clock(connection: Any, versions: Mapping[int, int], grantee: Grantee) -> Finding:
    """A broker tells its time to nobody but who writes; the leader of the metadata's quorum tells its own."""
    if versions.get(QUORUM_KEY, -1) < QUORUM_VERSION:
        return judgement.unseen_clock(
            "before Kafka 3.3 it tells its time only to who writes, and nothing is written here"
        )
    asked_s = time.time()
    answer = await connection.send(QuorumRequest())
    answered_s = time.time()
    if answer.error_code == errors.ClusterAuthorizationFailedError.errno:
        command = grantee.command(["Describe"], "--cluster")
        return judgement.unseen_clock(f"this user may not ask for it (Describe on the cluster: {command})")
    theirs_s = leader_time_s(answer)
    if theirs_s is None:
        return judgement.unseen_clock("its quorum has no leader that tells the time")
    whose = "its controller's"
    return judge_clock(Check.KAFKA_CLOCK, theirs_s, asked_s, answered_s, whose=whose, consequence=_CLOCK_USE)


async def _inside(
    cluster: Cluster, connection: Any, seen: Mapping[str, Any], wishes: Sequence[TopicWish], grantee: Grantee
) -> AsyncIterator[Finding]:
    """What the cluster says of itself."""
    brokers = {one["node_id"]: f"{one['host']}:{one['port']}" for one in seen["brokers"]}
    tried = await cluster.faults(brokers.values())
    faults = {number: cluster.words_of(error) for number, place in brokers.items() if (error := tried[place])}
    for finding in judgement.judge_listeners(brokers, faults):
        yield finding
    yield judgement.judge_brokers(len(brokers), _replicas(wishes))
    if faults:
        yield skipped(Check.KAFKA_TOPIC, "topics are not looked at before every broker can be reached")
        return
    controller = await cluster.connect(brokers.get(seen["controller_id"], next(iter(brokers.values()))))
    topics = {one["topic"]: one for one in seen["topics"]}
    async for finding in examine_topics(cluster, connection, controller, topics, wishes, grantee):
        yield finding


def _replicas(topics: Iterable[TopicWish]) -> int:
    """How many brokers are needed to make them."""
    return max((wish.replication_factor for wish in topics if not wish.is_external), default=1)


def _refusal(address: KafkaAddress, error: BaseException) -> Finding:
    if isinstance(error, errors.UnsupportedSaslMechanismError):
        advice = "name one that the listener has (sasl.enabled.mechanisms) in the Secret: sasl.mechanism"
        return failure(Check.KAFKA_LOGIN, f"it has no mechanism {address.mechanism}", advice)
    words = f"{address.manner}: user or password is refused"
    return failure(Check.KAFKA_LOGIN, words, "mend user and password in the Secret, or make the user (kafka-configs)")


@asynccontextmanager
async def _closing(cluster: Cluster) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await cluster.close()
