"""The topics and groups of a Kafka cluster that a configuration names, asked for.

Nothing is made and nothing written: topics are wished for only to be checked, and a producer's number is given out and
never used.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from aiokafka import errors
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from eventing.doctor import kafka_judgement as judgement
from eventing.doctor import kafka_right_judgement as rights
from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, skipped
from eventing.doctor.kafka_connection import Cluster
from eventing.doctor.kafka_request import GroupRequest
from eventing.doctor.kafka_right_judgement import Grantee
from eventing.doctor.kafka_topic_judgement import Partition, TopicWish, judge_absence, judge_topic

_TOPIC: Final = 2
"""DescribeConfigs' number for topics."""
_DENIED: Final = (errors.TopicAuthorizationFailedError.errno, errors.ClusterAuthorizationFailedError.errno)
_COORDINATOR_ASKED_MAX: Final = 15
_COORDINATOR_WAIT_S: Final = 0.2
_CREATE: Final = 1 << rights.OPERATIONS["Create"]


async def examine_topics(
    cluster: Cluster,
    connection: Any,
    controller: Any,
    seen: Mapping[str, Mapping[str, Any]],
    wishes: Sequence[TopicWish],
    grantee: Grantee,
) -> AsyncIterator[Finding]:
    """All of them, as they were `seen` in the cluster's metadata, and what this login may do there."""
    for wish in wishes:
        for finding in await _topic(connection, controller, wish, seen[wish.name], grantee):
            yield finding
    if wishes:
        yield rights.judge_producer(grantee, is_allowed=await _may_produce(connection))
    # Who asks for the coordinator of the first group ever makes Kafka's own topic of offsets: not where nobody reads.
    for wish in wishes:
        if wish.group and not seen[wish.name]["error_code"]:
            for finding in await _group(cluster, connection, wish, grantee):
                yield finding


async def _topic(
    connection: Any, controller: Any, wish: TopicWish, seen: Mapping[str, Any], grantee: Grantee
) -> Sequence[Finding]:
    if seen["error_code"] in _DENIED:
        return [rights.judge_denied(wish, grantee)]
    if seen["error_code"]:
        return await _absent(controller, wish, grantee)
    partitions = [Partition(one["leader"], tuple(one["replicas"]), tuple(one["isr"])) for one in seen["partitions"]]
    may = seen["rights"]
    if not wish.is_external and may != rights.UNKNOWN_RIGHTS and (await _creation(controller, wish))[0] not in _DENIED:
        may |= _CREATE  # the cluster may allow it for all topics, which no topic tells
    wanted, options = rights.topic_rights(wish, len(partitions)), rights.topic_options(wish.name)
    judged = rights.judge_rights(f"topic {wish.name}", may, wanted, grantee, options)
    return [*judge_topic(wish, partitions, await _config(connection, wish.name)), *judged]


async def _absent(controller: Any, wish: TopicWish, grantee: Grantee) -> Sequence[Finding]:
    absence = judge_absence(wish)
    if wish.is_external:
        return [absence]
    code, words = await _creation(controller, wish)
    advice = grantee.command(["Create"], *rights.topic_options(wish.name)) if code in _DENIED else ""
    creation = judgement.judge_creation(wish.name, wish.partitions, wish.replication_factor, words, advice)
    untold = skipped(Check.KAFKA_RIGHTS, f"topic {wish.name}: what this user may do there is told once it is there")
    return [absence, creation, untold]


async def _config(connection: Any, topic: str) -> Mapping[str, str]:
    """A topic's settings, with those that it has from its cluster; empty where they are not told."""
    answer = (await connection.send(DescribeConfigsRequest([(_TOPIC, topic, None)]))).to_object()
    (told,) = answer["resources"]
    if told["error_code"]:
        return {}
    return {
        one["config_names"]: one["config_value"] for one in told["config_entries"] if one["config_value"] is not None
    }


async def _creation(controller: Any, wish: TopicWish) -> tuple[int, str | None]:
    """Wished for, with `validate_only`: the error's code, and its words; None where it would be made."""
    topic: Any = (wish.name, wish.partitions, wish.replication_factor, [], list(wish.config.items()))
    request = CreateTopicsRequest([topic], timeout=5000, validate_only=True)
    answer = (await controller.send(request)).to_object()
    (told,) = answer["topic_errors"]
    code = told["error_code"]
    return code, f"{errors.for_code(code).description} {told['error_message'] or ''}".strip() if code else None


async def _may_produce(connection: Any) -> bool:
    """Asked for as a producer does that has no transactions."""
    answer = await connection.send(InitProducerIdRequest(None, -1))
    return bool(answer.error_code != errors.ClusterAuthorizationFailedError.errno)


async def _coordinator(connection: Any, group: str) -> Mapping[str, Any]:
    """Where the group is kept. Kafka makes its topic of offsets for the first who asks, who has to ask again."""
    for _ in range(_COORDINATOR_ASKED_MAX):
        found: Mapping[str, Any] = (await connection.send(FindCoordinatorRequest(group, 0))).to_object()
        if found["error_code"] != errors.GroupCoordinatorNotAvailableError.errno:
            break
        await asyncio.sleep(_COORDINATOR_WAIT_S)
    return found


async def _group(cluster: Cluster, connection: Any, wish: TopicWish, grantee: Grantee) -> Sequence[Finding]:
    group, options = wish.group, rights.group_options(wish)
    found = await _coordinator(connection, group)
    if found["error_code"] == errors.GroupAuthorizationFailedError.errno:
        return [*rights.judge_rights(f"group {group}", 0, rights.GROUP_RIGHTS, grantee, options)]
    if found["error_code"]:
        return [skipped(Check.KAFKA_GROUP, f"group {group}: its coordinator is not ready yet")]
    coordinator = await cluster.connect(f"{found['host']}:{found['port']}")
    (told,) = (await coordinator.send(GroupRequest(group))).to_object()["groups"]
    if told["error_code"]:
        return [skipped(Check.KAFKA_GROUP, f"group {group}: its coordinator does not tell")]
    return [
        judgement.judge_group(group, told["state"], len(told["members"])),
        *rights.judge_rights(f"group {group}", told["rights"], rights.GROUP_RIGHTS, grantee, options),
    ]
