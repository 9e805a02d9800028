"""Data as a JSON member: what comes in as which bytes, and what goes out as which member."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.errors import MalformedEvent
from channels.payload import decode_data, encode_data

JSON = {"specversion": "1.0", "datacontenttype": "application/json"}
TEXT = {"specversion": "1.0", "datacontenttype": "text/plain"}
NONE = {"specversion": "1.0"}
OLD = {"specversion": "0.3", "datacontenttype": "application/json"}
BASE64 = {**OLD, "datacontentencoding": "base64"}


def raw(text: bytes | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text)


def decoded(view: dict[str, Any], data: bytes | None, base64: bytes | None = None) -> tuple[bytes | None, bool]:
    return decode_data(view, raw(data), raw(base64))


@pytest.mark.parametrize(
    ("view", "data", "base64", "expected"),
    [
        (JSON, None, None, (None, False)),
        (JSON, b'{"a": 1}', None, (b'{"a": 1}', False)),
        (JSON, b"null", None, (b"null", False)),
        (JSON, b'"x"', None, (b'"x"', False)),
        ({**JSON, "datacontenttype": "a/b+JSON;c=d"}, b"1", None, (b"1", False)),
        (NONE, b'"\xc3\xa9"', None, (b'"\xc3\xa9"', True)),
        (TEXT, b'"a\\n"', None, (b"a\n", False)),
        (TEXT, b'""', None, (b"", False)),
        (TEXT, b"null", None, (None, False)),
        (TEXT, None, b'"AP8="', (b"\x00\xff", False)),
        (JSON, None, b'""', (b"", False)),
        (JSON, b"null", b'"AA=="', (b"\x00", False)),
        (JSON, b"1", b"null", (b"1", False)),
        (BASE64, b'"AA=="', None, (b"AA==", False)),
        ({**BASE64, "specversion": "1.0"}, b'"AA=="', None, (b'"AA=="', False)),
    ],
)
def test_data_is_the_bytes_that_the_sender_meant(
    view: dict[str, Any], data: bytes | None, base64: bytes | None, expected: tuple[bytes | None, bool]
) -> None:
    """JSON as it stands, other text unquoted, base64 decoded; 0.3's base64 stays text."""
    assert expected == decoded(view, data, base64)


@pytest.mark.parametrize(
    ("view", "data", "base64", "path"),
    [
        (JSON, b"1", b'"AA=="', "data_base64"),
        (JSON, None, b'"A"', "data_base64"),
        (JSON, None, b'"A A="', "data_base64"),
        (JSON, None, b'"\xc3\xa9"', "data_base64"),
        (JSON, None, b"5", "data_base64"),
        (TEXT, b"{}", None, "data"),
        (TEXT, b"5", None, "data"),
        (BASE64, b"{}", None, "data"),
        (JSON, b'"\xff"', None, "data"),
        (NONE, b'"\xed\xa0\x80"', None, "data"),
    ],
)
def test_data_that_is_none_is_refused(
    view: dict[str, Any], data: bytes | None, base64: bytes | None, path: str
) -> None:
    """With the member's name."""
    with pytest.raises(MalformedEvent) as raised:
        decoded(view, data, base64)
    assert path == raised.value.path


@pytest.mark.parametrize(
    ("view", "data", "member"),
    [
        (JSON, b'{"a":1}', {"data": {"a": 1}}),
        (NONE, b"[1]", {"data": [1]}),
        (JSON, b"{", {"data_base64": "ew=="}),
        (JSON, b"[" * 5000, None),
        (NONE, b"x", {"data_base64": "eA=="}),
        (JSON, b'"\xff"', {"data_base64": "Iv8i"}),
        (JSON, b"", {"data_base64": ""}),
        (TEXT, b"x", {"data": "x"}),
        (TEXT, b"", {"data": ""}),
        (TEXT, b"\xff", {"data_base64": "/w=="}),
        (OLD, b"{", {"datacontentencoding": "base64", "data": "ew=="}),
        (BASE64, b"AA==", {"datacontentencoding": "base64", "data": "AA=="}),
        (BASE64, b"\xff", {"datacontentencoding": "base64", "data": "/w=="}),
    ],
)
def test_data_leaves_as_json_can_carry_it(view: dict[str, Any], data: bytes, member: dict[str, Any] | None) -> None:
    """As it is, else as a string, else as base64, which 0.3 announces by an attribute, once."""
    changed = dict(view)
    text = encode_data(changed, data)
    whole = json.dumps(changed).encode()[:-1] + b"," + text + b"}"
    assert member is None or {**view, **member} == json.loads(whole)
    assert b'"data_base64"' in text if member is None else True
    assert 1 >= whole.count(b"datacontentencoding")


@given(st.sampled_from([JSON, TEXT, NONE]), st.binary())
def test_data_comes_back_as_it_left(view: dict[str, Any], data: bytes) -> None:
    """But for white space around JSON."""
    member = msgspec.json.decode(b"{%b}" % encode_data(dict(view), data), type=dict[str, msgspec.Raw])
    found, _ = decode_data(view, member.get("data"), member.get("data_base64"))
    assert found is not None
    assert data.strip() == found.strip()
