"""Users of a Kafka's SCRAM, made and removed while it runs: what `kafka-configs --alter --entity-type users` does.

Source: Kafka's protocol guide, AlterUserScramCredentials version 0 (KIP-554), and RFC 5802 for the salted password.
"""

import hashlib
import secrets
from typing import Final, final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from tests.rig.kafka_acl import send

_KEY: Final = 51
_SHA_512: Final = 2
_ROUNDS: Final = 4096
_TAGS: Final = ("tags", TaggedFields)
_TEXT: Final = CompactString("utf-8")


@final
class _AlterResponse(Response):  # type: ignore[misc]
    API_KEY = _KEY
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("results", CompactArray(("user", _TEXT), ("error_code", Int16), ("error_message", _TEXT), _TAGS)),
        _TAGS,
    )


@final
class _AlterStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = _KEY
    API_VERSION = 0
    RESPONSE_TYPE = _AlterResponse
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", _TEXT), ("mechanism", Int8), _TAGS)),
        (
            "upsertions",
            CompactArray(
                ("name", _TEXT),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                _TAGS,
            ),
        ),
        _TAGS,
    )


@final
class _AlterRequest(Request[_AlterStruct]):  # type: ignore[misc]
    API_KEY = _KEY

    def __init__(self, deletions: list[object], upsertions: list[object]) -> None:
        self._deletions, self._upsertions = deletions, upsertions

    def build(self, request_struct_class: type[_AlterStruct]) -> _AlterStruct:
        return request_struct_class(self._deletions, self._upsertions, {})


async def add_user(bootstrap_server: str, name: str, password: str) -> None:
    """Who may come in by SCRAM-SHA-512; one that is there has another password."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
    await _alter(bootstrap_server, _AlterRequest([], [(name, _SHA_512, _ROUNDS, salt, salted, {})]))


async def remove_user(bootstrap_server: str, name: str) -> None:
    """It comes in no more by SCRAM-SHA-512; connections that it has stay."""
    await _alter(bootstrap_server, _AlterRequest([(name, _SHA_512, {})], []))


async def _alter(bootstrap_server: str, request: _AlterRequest) -> None:
    (answer,) = (await send(bootstrap_server, request)).results
    assert answer[1] == 0, answer
