"""Tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from eventing.apiserver.reader import Made
from eventing.apiserver.table import META_VERSIONS, TableView, partial_metadata
from eventing.resources.broker import BROKER
from eventing.resources.kind import Column, Version

NOW = datetime(2026, 11, 27, 0, 1, tzinfo=UTC)
ITEM: dict[str, Any] = {
    "metadata": {"name": "b", "creationTimestamp": "2026-11-27T00:00:00Z"},
    "spec": {"text": "x", "number": 3, "float": 1.5, "flag": True, "map": {"a": [1]}},
}


def cell(path: str, column_type: str = "string") -> Any:
    return TableView(Version("v1", {}, (Column("C", path, column_type),))).row(ITEM, NOW)["cells"][1]


@pytest.mark.parametrize(
    ("path", "column_type", "expected"),
    [
        (".spec.text", "string", "x"),
        (".spec.number", "string", "3"),
        (".spec.flag", "string", "true"),
        (".spec.map", "string", '{"a":[1]}'),
        (".spec.absent", "string", None),
        (".spec.number", "integer", 3),
        (".spec.float", "integer", 1),
        (".spec.float", "number", 1.5),
        (".spec.flag", "integer", None),
        (".spec.flag", "boolean", True),
        (".spec.number", "boolean", None),
        (".spec.text", "number", None),
        (".spec.text", "other", None),
        (".metadata.creationTimestamp", "date", "60s"),
        (".spec.number", "date", None),
    ],
)
def test_a_cell_holds_what_its_column_can_show(path: str, column_type: str, expected: Any) -> None:
    """Texts and JSON in text columns, ages in dates, nothing where the type is another."""
    assert expected == cell(path, column_type)


def test_a_core_kind_may_make_its_cells_itself() -> None:
    """Such as the count of a Secret's keys, which no path can say."""
    view = TableView(Version("v1", {}, (Column("Data", cell=lambda item: str(len(item["spec"]))),)))
    assert view.row(ITEM, NOW)["cells"] == ["b", "5"]


def test_columns_are_the_name_and_the_kinds_own() -> None:
    """With a description where the kind has none, as custom resources have it."""
    definitions = TableView(BROKER.served.version).definitions
    assert [one["name"] for one in definitions][:2] == ["Name", "URL"]
    assert definitions[1] == {
        "name": "URL",
        "type": "string",
        "format": "",
        "description": "Custom resource definition column (in JSONPath format): .status.address.url",
        "priority": 0,
    }
    described = TableView(Version("v1", {}, (Column("C", ".x", description="what it is"),))).definitions[1]
    assert described["description"] == "what it is"


def test_a_kind_without_columns_shows_its_age() -> None:
    """As `kubectl` does where a server says nothing."""
    assert TableView(Version("v1", {})).row(ITEM, NOW)["cells"] == ["b", "60s"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [("Metadata", partial_metadata(ITEM)), ("Object", ITEM), ("None", None)],
)
def test_a_row_holds_as_much_of_its_object_as_was_asked_for(include: str, expected: Any) -> None:
    """`includeObject`."""
    assert expected == TableView(BROKER.served.version, include=include).row(ITEM, NOW)["object"]


def test_a_table_is_of_the_version_that_was_asked_for() -> None:
    """v1beta1 for old clients; a watch's later Tables have no columns."""
    view = TableView(BROKER.served.version, api_version=META_VERSIONS[1])
    table = view.table(view.rows([ITEM], NOW), {"resourceVersion": "3"}, has_header=False)
    assert (table["apiVersion"], table["columnDefinitions"]) == ("meta.k8s.io/v1beta1", [])
    assert table["rows"][0]["object"]["apiVersion"] == "meta.k8s.io/v1beta1"
    assert len(view.table([], {})["columnDefinitions"]) == 1 + len(BROKER.columns)


def test_rows_are_encoded_as_they_are() -> None:
    """Made of their objects once, with ages as of the moment they are shown."""
    view = TableView(BROKER.served.version)
    broken = {"metadata": {"name": "x", "creationTimestamp": "yesterday"}}
    rows = [Made(ITEM), Made({"metadata": {"name": "\u00e9"}}), Made(broken)]
    for now in (NOW, NOW + timedelta(days=3)):
        expected = view.rows([row.item for row in rows], now)
        assert expected == orjson.loads(b"[" + view.encoded(rows, now) + b"]")
    rows[0].item["metadata"] = {"name": "unseen"}
    assert b'"b"' in view.encoded(rows, NOW)
    other = TableView(BROKER.served.version, include="None")
    assert [None] * 3 == [row["object"] for row in orjson.loads(b"[" + other.encoded(rows, NOW) + b"]")]
