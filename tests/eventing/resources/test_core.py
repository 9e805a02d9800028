"""Namespace, Secret and ConfigMap."""

from typing import Any

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.core import CONFIG_MAP, NAMESPACE, SECRET
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Kind


def core(kind: Kind, **fields: Any) -> Object:
    metadata = {"name": "x", "namespace": "demo"} if kind.is_namespaced else {"name": "x"}
    return {"apiVersion": "v1", "kind": kind.name, "metadata": metadata, **fields}


def admitted(kind: Kind, old: Object | None = None, **fields: Any) -> Object:
    return admit(kind.served, core(kind, **fields), old=old, context=Context()).item


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        (SECRET, {"data": {"a": "no base64"}}, "data.a"),
        (SECRET, {"data": {"a": "é"}}, "data.a"),
        (CONFIG_MAP, {"binaryData": {"a": "x"}}, "binaryData.a"),
        (CONFIG_MAP, {"data": {"a": 1}}, "data.a"),
        (CONFIG_MAP, {"spec": {}}, "spec"),
    ],
)
def test_what_is_wrong_is_told(kind: Kind, fields: dict[str, Any], path: str) -> None:
    """One fault, at its path."""
    with pytest.raises(InvalidResource) as caught:
        admitted(kind, **fields)
    assert [error.path for error in caught.value.errors] == [path]


def test_text_of_a_secret_is_stored_as_bytes() -> None:
    """`stringData` becomes `data`, and comes before it; a Secret without a type is Opaque."""
    item = admitted(SECRET, data={"a": "eA==", "b": "eQ=="}, stringData={"a": "zé"})
    assert item == core(SECRET, type="Opaque", data={"a": "esOp", "b": "eQ=="})


def test_what_was_declared_immutable_stays() -> None:
    """Data of a ConfigMap or Secret that says so, and the saying."""
    old = admitted(CONFIG_MAP, data={"a": "1"}, immutable=True)
    assert admitted(CONFIG_MAP, old, data={"a": "1"}, immutable=True) == old
    with pytest.raises(InvalidResource) as caught:
        admitted(CONFIG_MAP, old, data={"a": "2"})
    assert [error.path for error in caught.value.errors] == ["data", "immutable"]
    free = admitted(CONFIG_MAP, data={"a": "1"})
    assert admitted(CONFIG_MAP, free, data={"a": "2"})["data"] == {"a": "2"}


def test_a_namespace_is_like_one_of_a_cluster() -> None:
    """It has its name for a label, and the finalizer that every Namespace has unless it says otherwise."""
    assert admitted(NAMESPACE, spec={"finalizers": ["a/b"]})["spec"] == {"finalizers": ["a/b"]}
    assert admitted(NAMESPACE)["spec"] == {"finalizers": ["kubernetes"]}
    assert admitted(NAMESPACE)["metadata"]["labels"] == {"kubernetes.io/metadata.name": "x"}


def test_a_namespace_is_active_until_it_is_deleted() -> None:
    """Nobody has to write its phase; whoever does is believed."""
    version = NAMESPACE.served.version
    item = admitted(NAMESPACE)
    assert NAMESPACE.from_stored(item, version)["status"] == {"phase": "Active"}
    assert "status" not in item
    item["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert NAMESPACE.from_stored(item, version)["status"] == {"phase": "Terminating"}
    item["status"] = {"phase": "Odd", "x": 1}
    assert NAMESPACE.from_stored(item, version)["status"] == {"phase": "Odd", "x": 1}


def test_entries_are_counted() -> None:
    """The column that Kubernetes prints, of text and bytes together."""
    cell = next(column.cell for column in CONFIG_MAP.columns if column.name == "Data")
    assert cell is not None
    assert cell(core(CONFIG_MAP)) == "0"
    assert cell(core(CONFIG_MAP, data={"a": "1", "b": "2"}, binaryData={"c": "eA=="})) == "3"
