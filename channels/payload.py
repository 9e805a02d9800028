"""The `data` of an event as a member of a JSON text, both ways: a JSON value, a string or base64.

Sources: CloudEvents JSON event format 1.0.2, section 3.1, and 0.3, section 3.1. Pure.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

from channels.attribute import Value, is_json
from channels.errors import MalformedEvent

NOT_JSON: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What the JSON decoder raises for a text that is none, or is nested too deep."""
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)
_STRING: Final = msgspec.json.Decoder(str)


def decode_data(
    view: Mapping[str, Value], content: msgspec.Raw | None, encoded: msgspec.Raw | None
) -> tuple[bytes | None, bool]:
    """The bytes of `data` or `data_base64`, and whether they are a JSON value that no datacontenttype announces.

    Null is no base64, and no text; among JSON data it is a value like any other. Raises MalformedEvent with the member
    as path.
    """
    if encoded is not None and bytes(encoded) != b"null":
        if content is not None and bytes(content) != b"null":
            raise MalformedEvent("data_base64", "expected exactly one of data and data_base64, got both")
        return _decode_base64(encoded), False
    if content is None:
        return None, False
    text = bytes(content)
    if not text.isascii():
        _require_utf8(text)
    media = view.get("datacontenttype")
    if not isinstance(media, str):
        return text, True
    if (media == "application/json" or is_json(media)) and not _is_base64_text(view):
        return text, False
    if text == b"null":
        return None, False
    try:
        return _STRING.decode(text).encode(), False
    except NOT_JSON as error:
        raise MalformedEvent("data", f"must be a string for the datacontenttype {media}") from error


def _decode_base64(member: msgspec.Raw) -> bytes:
    try:
        return base64.b64decode(_STRING.decode(member), validate=True)
    except (*NOT_JSON, ValueError) as error:
        raise MalformedEvent("data_base64", f"must be a base64 string: {error}") from error


def _require_utf8(text: bytes) -> None:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedEvent("data", "must be UTF-8") from error


def _is_base64_text(view: Mapping[str, Value]) -> bool:
    """Version 0.3 says by an attribute that data is the base64 text of something; it stays that text here."""
    return view.get("datacontentencoding") == "base64" and view.get("specversion") == "0.3"


def encode_data(view: dict[str, Any], data: bytes) -> bytes:
    """The member that holds the data. What JSON cannot carry as it is goes as base64, and so comes back the same.

    Version 0.3 tells of base64 by an attribute, which is then added to `view`.
    """
    media = view.get("datacontenttype")
    in_json = not isinstance(media, str) or is_json(media)
    if in_json and not _is_base64_text(view) and _is_json_text(data):
        return b'"data":' + data
    try:
        if media is not None and (not in_json or _is_base64_text(view)):
            return b'"data":' + orjson.dumps(data.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    if view.get("specversion") == "0.3":
        view["datacontentencoding"] = "base64"
        return b'"data":"' + base64.b64encode(data) + b'"'
    return b'"data_base64":"' + base64.b64encode(data) + b'"'


def _is_json_text(data: bytes) -> bool:
    try:
        _ANY.decode(data)
        data.decode("utf-8")
    except NOT_JSON:
        return False
    return True
