"""A Kafka cluster, asked. Nothing is made and nothing written: topics are wished for only to be checked."""

import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import errors
from aiokafka.protocol.admin import ApiVersionRequest, CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest

from eventing.doctor import kafka_judgement as judgement
from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, skipped
from eventing.doctor.kafka_connection import LOST, Cluster, KafkaAddress
from eventing.doctor.kafka_request import METADATA_KEY, METADATA_VERSION, GroupRequest, RightsRequest
from eventing.doctor.kafka_topic_judgement import Partition, TopicWish, judge_absence, judge_denied, judge_topic

_REFUSED: Final = (
    errors.UnsupportedSaslMechanismError,
    errors.SaslAuthenticationFailed,
    errors.IllegalSaslStateError,
    errors.AuthenticationFailedError,
)
_DENIED: Final = errors.TopicAuthorizationFailedError.errno
_TOPIC: Final = 2
"""DescribeConfigs' number for topics."""
_TOPIC_RIGHTS: Final = ("Read", "Write", "Describe")
_GROUP_RIGHTS: Final = ("Read", "Describe")


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
    if seen is None:
        yield skipped(Check.KAFKA_TOPIC, "topics are not looked at in so old a cluster")
        return
    async for finding in _inside(cluster, connection, seen.to_object(), address.topics):
        yield finding


async def _inside(
    cluster: Cluster, connection: Any, seen: Mapping[str, Any], wishes: Sequence[TopicWish]
) -> AsyncIterator[Finding]:
    """What the cluster says of itself."""
    brokers = {one["node_id"]: f"{one['host']}:{one['port']}" for one in seen["brokers"]}
    tried = await cluster.faults(brokers.values())
    faults = {number: cluster.words_of(error) for number, place in brokers.items() if (error := tried[place])}
    for finding in judgement.judge_listeners(brokers, faults):
        yield finding
    yield judgement.judge_brokers(len(brokers), _replicas(wishes))
    yield judgement.unseen_clock()
    if faults:
        yield skipped(Check.KAFKA_TOPIC, "topics are not looked at before every broker can be reached")
        return
    controller = await cluster.connect(brokers.get(seen["controller_id"], next(iter(brokers.values()))))
    topics = {one["topic"]: one for one in seen["topics"]}
    for wish in wishes:
        for finding in await _topic(connection, controller, wish, topics[wish.name]):
            yield finding
    # Who asks for the coordinator of the first group ever makes Kafka's own topic of offsets: not where nobody reads.
    for group in sorted({wish.group for wish in wishes if wish.group and not topics[wish.name]["error_code"]}):
        for finding in await _group(cluster, connection, group):
            yield finding


def _replicas(topics: Iterable[TopicWish]) -> int:
    """How many brokers are needed to make them."""
    return max((wish.replication_factor for wish in topics if not wish.is_external), default=1)


async def _topic(connection: Any, controller: Any, wish: TopicWish, seen: Mapping[str, Any]) -> Sequence[Finding]:
    if seen["error_code"] == _DENIED:
        return [judge_denied(wish)]
    if seen["error_code"]:
        absence = judge_absence(wish)
        return [absence] if wish.is_external else [absence, await _creation(controller, wish)]
    partitions = [Partition(one["leader"], tuple(one["replicas"]), tuple(one["isr"])) for one in seen["partitions"]]
    rights = judgement.judge_rights(f"topic {wish.name}", seen["rights"], _TOPIC_RIGHTS)
    return [*judge_topic(wish, partitions, await _config(connection, wish.name)), rights]


async def _config(connection: Any, topic: str) -> Mapping[str, str]:
    """A topic's settings, with those that it has from its cluster; empty where they are not told."""
    answer = (await connection.send(DescribeConfigsRequest([(_TOPIC, topic, None)]))).to_object()
    (told,) = answer["resources"]
    if told["error_code"]:
        return {}
    return {
        one["config_names"]: one["config_value"] for one in told["config_entries"] if one["config_value"] is not None
    }


async def _creation(controller: Any, wish: TopicWish) -> Finding:
    """Wished for, with `validate_only`."""
    topic: Any = (wish.name, wish.partitions, wish.replication_factor, [], list(wish.config.items()))
    request = CreateTopicsRequest([topic], timeout=5000, validate_only=True)
    answer = (await controller.send(request)).to_object()
    (told,) = answer["topic_errors"]
    code = told["error_code"]
    refusal = f"{errors.for_code(code).description} {told['error_message'] or ''}".strip() if code else None
    return judgement.judge_creation(wish.name, wish.partitions, wish.replication_factor, refusal)


async def _group(cluster: Cluster, connection: Any, group: str) -> Sequence[Finding]:
    found = (await connection.send(FindCoordinatorRequest(group, 0))).to_object()
    if found["error_code"] == errors.GroupAuthorizationFailedError.errno:
        return [judgement.judge_rights(f"group {group}", 0, _GROUP_RIGHTS)]
    if found["error_code"]:
        return [skipped(Check.KAFKA_GROUP, f"group {group}: its coordinator is not ready yet")]
    coordinator = await cluster.connect(f"{found['host']}:{found['port']}")
    (told,) = (await coordinator.send(GroupRequest(group))).to_object()["groups"]
    if told["error_code"]:
        return [skipped(Check.KAFKA_GROUP, f"group {group}: its coordinator does not tell")]
    return [
        judgement.judge_group(group, told["state"], len(told["members"])),
        judgement.judge_rights(f"group {group}", told["rights"], _GROUP_RIGHTS),
    ]


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
