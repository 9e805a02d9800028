"""What Kafka's own `kafka-acls` would do with a command, done over the wire: a JVM for each would take seconds."""

import argparse
import shlex
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

_ANY: Final = 1
_TOPIC: Final = 2
_GROUP: Final = 3
_CLUSTER: Final = 4
AUTHORIZER: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}
"""Settings of a broker that lets nobody but its administrator do anything, until it is told."""
_PATTERNS: Final = {"literal": 3, "prefixed": 4}
_ALLOW: Final = 3
_EVERYWHERE: Final = "*"
OPERATIONS: Final = {
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Delete": 6,
    "Alter": 7,
    "Describe": 8,
    "DescribeConfigs": 10,
    "AlterConfigs": 11,
    "IdempotentWrite": 12,
}


async def allow(command: str) -> None:
    """Carry `kafka-acls --bootstrap-server ... --add ...` out, by an administrator's listener."""
    given = _parser().parse_args(shlex.split(command)[1:])
    for operation in given.operation:
        number = OPERATIONS[operation]
        kind, name = _resource(given)
        pattern = _PATTERNS[given.resource_pattern_type]
        request = CreateAclsRequest(kind, name, pattern, given.allow_principal, _EVERYWHERE, number, _ALLOW)
        (answer,) = (await send(given.bootstrap_server, request)).creation_responses
        assert answer[0] == 0, answer


async def revoke_all(bootstrap_server: str, principal: str | None = None) -> None:
    """Whatever it was allowed, or anybody."""
    request = DeleteAclsRequest(_ANY, None, _ANY, principal, None, _ANY, _ANY)  # type: ignore[arg-type]
    await send(bootstrap_server, request)


def _resource(given: argparse.Namespace) -> tuple[int, str]:
    if given.cluster:
        return _CLUSTER, "kafka-cluster"
    return (_TOPIC, given.topic) if given.topic else (_GROUP, given.group)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("kafka-acls", allow_abbrev=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", choices=OPERATIONS, required=True)
    resource = parser.add_mutually_exclusive_group(required=True)
    resource.add_argument("--topic")
    resource.add_argument("--group")
    resource.add_argument("--cluster", action="store_true")
    parser.add_argument("--resource-pattern-type", choices=_PATTERNS, default="literal")
    return parser


async def send(place: str, request: Any) -> Any:
    """What one broker answers to an administrator."""
    host, _, port = place.partition(":")
    connection = AIOKafkaConnection(host, int(port))
    await connection.connect()
    try:
        return await connection.send(request)
    finally:
        if (closed := connection.close()) is not None:
            await closed
