"""PingSource: what the recordings of `test_recorded` do not show."""

from typing import Any

import pytest

from eventing.resources.kind import Context
from eventing.resources.ping_source import PING_SOURCE, parse_data_max_size
from tests.eventing.resources.request import admitted, faults, of_kind

SINK: dict[str, Any] = {"sink": {"uri": "http://a/"}}


def told(spec: dict[str, Any], context: Context | None = None) -> list[str]:
    return faults(PING_SOURCE, of_kind(PING_SOURCE, SINK | spec), context=context)


def test_an_unknown_zone_is_told_where_it_stands() -> None:
    """In the time zone, or within the schedule."""
    reason = "invalid value: provided bad location X: unknown time zone X"
    assert told({"timezone": "X"}) == [f"spec.timezone: {reason}"]
    assert told({"schedule": "CRON_TZ=X * * * * *"}) == [f"spec.schedule: {reason}"]


def test_a_bad_schedule_is_told_in_its_words() -> None:
    """After the value's place."""
    assert told({"schedule": "* 24 * * *"}) == [
        "spec.schedule: invalid value: end of range (24) above maximum (23): 24"
    ]


@pytest.mark.parametrize("text", ["%%%", "aGVsbG8", "ä"])
def test_data_in_base64_is_padded_base64(text: str) -> None:
    """Whatever the content type."""
    assert told({"dataBase64": text}) == ["spec.dataBase64: invalid value: illegal base64 data"]


@pytest.mark.parametrize(("name", "value"), [("data", "[1]"), ("dataBase64", "WzFd")])
def test_json_data_is_an_object(name: str, value: str) -> None:
    """As Knative wants it; null passes."""
    json = {"contentType": "application/json"}
    assert told({**json, name: value}) == [f"spec.{name}: invalid value: expected a map, got list"]
    (fault,) = told({**json, "data": "{"})
    assert fault.startswith("spec.data: invalid value: ")
    assert admitted(PING_SOURCE, of_kind(PING_SOURCE, {**SINK, **json, "data": "null"}))["spec"]["data"] == "null"


def test_data_is_bounded_in_bytes() -> None:
    """Of UTF-8, where there is a bound at all."""
    context = Context(ping_data_size_max_bytes=3)
    assert told({"data": "ää"}, context) == [
        "spec.data: invalid value: the data length of 4 bytes exceeds limit set at 3."
    ]
    assert admitted(PING_SOURCE, of_kind(PING_SOURCE, SINK | {"data": "ääx"}))["spec"]["data"] == "ääx"


def test_the_bound_is_read_from_its_text() -> None:
    """-1 is none."""
    assert (parse_data_max_size("-1"), parse_data_max_size("4096")) == (None, 4096)
    with pytest.raises(ValueError, match="invalid literal"):
        parse_data_max_size("much")


def test_both_kinds_of_data_are_one_too_many() -> None:
    """An empty one does not count."""
    assert told({"data": "a", "dataBase64": "YQ=="}) == [
        "spec.data: expected exactly one, got both",
        "spec.dataBase64: expected exactly one, got both",
    ]
    assert admitted(PING_SOURCE, of_kind(PING_SOURCE, SINK | {"data": "a", "dataBase64": ""}))
