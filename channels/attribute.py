"""The grammar of context attributes: names, values, their canonical strings and their form in HTTP headers.

Sources: CloudEvents 1.0.2 sections 3 (attributes) and its type system; HTTP protocol binding 3.1.3 (header mapping);
RFC 3339; RFC 3986. Pure: no I/O, no clock.
"""

import base64
import re
from calendar import isleap
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote_to_bytes

Value = str | int | bool | bytes
"""What an attribute may hold. URIs and timestamps are kept as the text that came."""

REQUIRED: Final = ("specversion", "id", "source", "type")
OPTIONAL: Final = ("datacontenttype", "dataschema", "subject", "time")
OPTIONAL_03: Final = ("datacontenttype", "datacontentencoding", "schemaurl", "subject", "time")
VERSIONS: Final = ("1.0", "0.3")
INTEGER_MIN: Final = -(2**31)
INTEGER_MAX: Final = 2**31 - 1

_NAME = re.compile(r"[a-z0-9]+")
_TCHARS = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
_MEDIA_TYPE = re.compile(rf"{_TCHARS}/{_TCHARS}[ \t]*(?:;[ \t]*(?:{_TCHARS}=(?:{_TCHARS}|{_QUOTED})[ \t]*)?)*")
_DAY = r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|[12]\d))"
_TIME = re.compile(
    rf"\d{{4}}-{_DAY}[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_URI_FAULT = re.compile(r"[\x00-\x20\x7f<>\"\\^`{|}]|%(?![0-9A-Fa-f]{2})")
_URI_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BARE = re.compile(r"[!#$&-~]*")  # printable ASCII without space, double quote and percent: needs no escape
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


def is_name(text: str) -> bool:
    """True for a legal attribute name: lower-case ASCII letters and digits, at least one."""
    return _NAME.fullmatch(text) is not None


def is_media_type(text: str) -> bool:
    """True for `type/subtype` with RFC 2045 parameters."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def is_json(datacontenttype: str) -> bool:
    """True for `application/json`, `text/json` and every `+json` type, whatever the parameters."""
    media = datacontenttype.partition(";")[0].strip().lower()
    return media in ("application/json", "text/json") or media.endswith("+json")


def is_time(text: str) -> bool:
    """True for an RFC 3339 date-time with a possible day of its month."""
    return _TIME.fullmatch(text) is not None and (text[5:10] != "02-29" or isleap(int(text[:4])))


def is_uri_reference(text: str) -> bool:
    """True for a non-empty RFC 3986 URI-reference. Characters above ASCII are let through, as IRIs are in use."""
    return bool(text) and _URI_FAULT.search(text) is None and text[0] != ":"


def is_absolute_uri(text: str) -> bool:
    """True for a URI with a scheme."""
    return is_uri_reference(text) and _URI_SCHEME.match(text) is not None


def fault_of(name: str, value: Value, version: str) -> str | None:
    """What is wrong with the value of a standard attribute, or None. Extensions have no faults beyond their type."""
    if name in ("id", "type"):
        return None if isinstance(value, str) and value.strip() else "must be a non-empty string"
    if name == "source":
        return None if isinstance(value, str) and is_uri_reference(value) else "must be a non-empty URI-reference"
    if name == "specversion":
        return None if value in VERSIONS else "must be 1.0 or 0.3"
    if name == "datacontenttype":
        return (
            None if isinstance(value, str) and is_media_type(value) else "must be a media type such as application/json"
        )
    if name == "time":
        return (
            None
            if isinstance(value, str) and is_time(value)
            else "must be an RFC 3339 timestamp such as 2024-05-01T12:00:00Z"
        )
    if name == "subject":
        return None if isinstance(value, str) and value.strip() else "must be a non-empty string"
    if name == "dataschema" and version == "1.0":
        return None if isinstance(value, str) and is_absolute_uri(value) else "must be an absolute URI"
    if name == "schemaurl" and version == "0.3":
        return None if isinstance(value, str) and is_uri_reference(value) else "must be a URI-reference"
    if name == "datacontentencoding" and version == "0.3":
        return None if isinstance(value, str) and value.strip() else "must be a non-empty string"
    return None


def canonical(value: Value) -> str:
    """The CloudEvents string of a value: `true`, `-5`, base64 for binary."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return base64.b64encode(value).decode("ascii")


def from_datetime(moment: datetime) -> str:
    """RFC 3339 text of a moment. A naive one is taken as UTC."""
    text = moment.isoformat()
    return (
        text + "Z" if moment.tzinfo is None else text.removesuffix("+00:00") + ("Z" if text.endswith("+00:00") else "")
    )


def to_datetime(text: str) -> datetime:
    """The moment of an RFC 3339 text. A leap second becomes the second before it. Raises ValueError for the year 0."""
    known = text[:17] + "59" + text[19:] if text[17:19] == "60" else text
    return datetime.fromisoformat(known.upper())


def to_header(value: Value) -> bytes:
    """The value as an HTTP header value: percent-encoded where the binding asks for it (3.1.3.2)."""
    text = canonical(value)
    if _BARE.fullmatch(text):
        return text.encode("ascii")
    return quote(text, safe="!#$&'()*+,/:;<=>?@[\\]^_`{|}~", encoding="utf-8", errors="replace").encode("ascii")


def from_header(value: bytes) -> str:
    """The string a header value stands for (binding 3.1.3.2): quotes removed, then percent-decoded once.

    An escape that is none, or whose bytes are no UTF-8, is taken literally; raw bytes above 0x7F are UTF-8 if valid,
    else Latin-1.
    """
    if value.isascii() and b"%" not in value and b'"' not in value:
        return value.decode("ascii")
    text = _raw_text(value)
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = _QUOTED_PAIR.sub(r"\1", text[1:-1])
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return text


def _raw_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
