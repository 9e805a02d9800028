"""Answers: a value in the format that was agreed on, compressed where it is large and the client can take it."""

import asyncio
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
import yaml
from fastapi import Response

from eventing.apiserver.media import JSON, YAML
from eventing.apiserver.refusal import Refused
from eventing.resources.identity import Object

COMPRESSED_MIN_BYTES: Final = 128 * 1024
"""What Kubernetes compresses from: below it the network is cheaper than the processor."""
_GZIP_WINDOW_BITS: Final = 31
_LEVEL: Final = 1
PLAIN_NOT_FOUND: Final = b"404 page not found\n"


def encode(value: Any, media_type: str = JSON) -> bytes:
    """The value as a body, ended by a newline."""
    if media_type == YAML:
        return yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True).encode()
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


async def answer(
    content: bytes,
    *,
    status: int = 200,
    media_type: str = JSON,
    accept_encoding: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer of that content."""
    headers = {**(headers or {}), "Cache-Control": "no-cache, private"}
    if len(content) >= COMPRESSED_MIN_BYTES:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in accept_encoding.lower():
            content = await asyncio.to_thread(compressed, content)
            headers["Content-Encoding"] = "gzip"
    return Response(content, status_code=status, media_type=media_type, headers=headers)


def compressed(content: bytes) -> bytes:
    """The content in gzip."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW_BITS)
    return packer.compress(content) + packer.flush()


def refuse(refusal: Refused) -> Response:
    """The Status of a refusal."""
    return Response(encode(refusal.status), status_code=refusal.code, media_type=JSON, headers=dict(refusal.headers))


def not_found() -> Response:
    """For paths that lead nowhere: no Status, by which clients tell an unknown kind from an unknown object."""
    return Response(PLAIN_NOT_FOUND, status_code=404, media_type="text/plain; charset=utf-8")


def warning_headers(warnings: Iterable[str]) -> list[tuple[str, str]]:
    """Warnings as clients print them (RFC 9111, 5.5 of old; code 299)."""
    return [("Warning", f'299 - "{_quoted(text)}"') for text in dict.fromkeys(warnings)]


def joined(head: Object, name: str, parts: Iterable[bytes]) -> bytes:
    """JSON of an object whose last member is a list of items that are encoded already."""
    opening = orjson.dumps(head)[:-1]
    return opening + f',"{name}":['.encode() + b",".join(parts) + b"]}\n"


def _quoted(text: str) -> str:
    safe = text.encode("ascii", "backslashreplace").decode()
    return safe.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\r", " ")
