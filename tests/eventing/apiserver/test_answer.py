"""Answers."""

import orjson
import pytest

from eventing.apiserver.answer import COMPRESSED_MIN_BYTES, answer, encode, joined, warning_headers


def test_a_value_is_a_line_of_json_or_yaml() -> None:
    """What was there first comes first."""
    assert encode({"b": 1, "a": "é"}) == '{"b":1,"a":"é"}\n'.encode()
    assert encode({"b": 1, "a": "é"}, "application/yaml") == "b: 1\na: é\n".encode()


@pytest.mark.parametrize("parts", [[], [b'{"a":1}'], [b'{"a":1},{"a":2}', b'{"a":3}']])
def test_a_list_is_joined_of_what_is_encoded(parts: list[bytes]) -> None:
    """Each part is some items with commas between them."""
    found = orjson.loads(joined({"kind": "List"}, "items", parts))
    assert found == {"kind": "List", "items": orjson.loads(b"[" + b",".join(parts) + b"]")}


@pytest.mark.parametrize(
    ("size_bytes", "accepted", "is_compressed"),
    [
        (COMPRESSED_MIN_BYTES, "gzip, deflate", True),
        (COMPRESSED_MIN_BYTES - 1, "gzip", False),
        (COMPRESSED_MIN_BYTES, "br", False),
    ],
)
async def test_what_is_large_is_compressed_for_who_can_read_it(
    size_bytes: int, accepted: str, is_compressed: bool
) -> None:
    """Below the bound the network is cheaper."""
    found = await answer(b" " * size_bytes, accept_encoding=accepted)
    assert is_compressed is (found.headers.get("content-encoding") == "gzip")


def test_warnings_are_told_once_and_in_one_line() -> None:
    """Whatever stands in them; header fields take no line breaks and no Unicode."""
    assert warning_headers(['a "b"', 'a "b"', "c\nd\\é"]) == [
        ("Warning", r'299 - "a \"b\""'),
        ("Warning", r'299 - "c d\\\\xe9"'),
    ]
