"""The body of a request, read within bounds and decoded from JSON, YAML or protobuf."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request

from eventing.apiserver.protobuf import PROTOBUF, MalformedProtobuf, read_protobuf
from eventing.apiserver.refusal import Refused, bad_request, too_large, unsupported_media_type
from eventing.resources.document import Document, MalformedDocument, read_json, read_yaml

SIZE_MAX_BYTES: Final = 3 * 1024 * 1024
"""Of one request (Kubernetes' `MaxRequestBodyBytes`)."""
OFFLOADED_MIN_BYTES: Final = 64 * 1024
"""From this size on a body is decoded in a thread: events must not wait for it."""
OBJECT_TYPES: Final = ("application/json", "application/yaml")
CORE_TYPES: Final = (*OBJECT_TYPES, PROTOBUF)
"""What Kubernetes' own kinds are taken in."""
YAML_TYPES: Final = frozenset({"application/yaml", "application/x-yaml", "application/apply-patch+yaml"})
_INT64: Final = 2**63
_SHOWN_MAX: Final = 30


async def read_body(request: Request) -> bytes:
    """All of the body. Raises Refused (413) as soon as it is too large, and ClientDisconnect."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > SIZE_MAX_BYTES:
        raise _too_large()
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > SIZE_MAX_BYTES:
            raise _too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def media_type_of(request: Request, accepted: Sequence[str]) -> str:
    """The body's media type, which must be one of these; JSON where none is named. Raises Refused (415)."""
    named = request.headers.get("content-type", "").partition(";")[0].strip().lower() or "application/json"
    named = "application/yaml" if named == "application/x-yaml" else named
    if named not in accepted:
        raise unsupported_media_type(accepted)
    return named


async def decode(content: bytes, media_type: str, kind: str) -> Any:
    """The value that the body stands for; `kind` names what it should be. Raises Refused (400)."""
    if len(content) < OFFLOADED_MIN_BYTES:
        return decoded(content, media_type, kind)
    return await asyncio.to_thread(decoded, content, media_type, kind)


def decoded(content: bytes, media_type: str, kind: str) -> Any:
    """See `decode`. Pure."""
    if media_type == PROTOBUF:
        try:
            return read_protobuf(content)
        except MalformedProtobuf as error:
            raise _unrecognized(kind, str(error), content) from error
    try:
        documents = (read_yaml if media_type in YAML_TYPES else read_json)(content.decode("utf-8-sig"))
        return _storable(_only(documents).value)
    except UnicodeDecodeError as error:
        raise _unrecognized(kind, "the body is not UTF-8", content) from error
    except MalformedDocument as error:
        language = "yaml" if media_type in YAML_TYPES else "json"
        why = f"couldn't get version/kind; {language} parse error: {error}"
        raise _unrecognized(kind, why, content) from error


def _only(documents: list[Document]) -> Document:
    if len(documents) != 1:
        raise MalformedDocument(1, f"one document is expected, there are {len(documents)}")
    return documents[0]


def _storable(value: Any) -> Any:
    """The value with integers beyond 64 bits as floats, as Kubernetes' decoder has them."""
    if isinstance(value, dict):
        return {name: _storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        try:
            return float(value)
        except OverflowError as error:
            raise MalformedDocument(1, "a number is too large") from error
    return value


def _unrecognized(kind: str, why: str, content: bytes) -> Refused:
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): {why} ({_summary(content)})")


def _summary(content: bytes) -> str:
    if not content:
        return "<empty>"
    text = content[:_SHOWN_MAX]
    shown = text.decode("ascii", "backslashreplace") if content[:1] == b"{" else text.hex()
    return shown if len(content) <= _SHOWN_MAX else f"{shown} ..."


def _too_large() -> Refused:
    return too_large(f"Request entity too large: limit is {SIZE_MAX_BYTES}")
