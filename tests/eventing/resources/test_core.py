"""The kinds of the core group."""

from typing import Any

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.core import CONFIG_MAP, NAMESPACE, SECRET, SERVICE
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Kind


def core(kind: Kind, **fields: Any) -> Object:
    metadata = {"name": "x", "namespace": "demo"} if kind.is_namespaced else {"name": "x"}
    return {"apiVersion": "v1", "kind": kind.name, "metadata": metadata, **fields}


def admitted(kind: Kind, old: Object | None = None, **fields: Any) -> Object:
    return admit(kind, core(kind, **fields), old=old, context=Context()).item


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        (SERVICE, {"spec": {"type": "ExternalName"}}, "spec.externalName"),
        (SERVICE, {"spec": {"externalName": "a b"}}, "spec.externalName"),
        (SERVICE, {"spec": {"ports": [{"port": 80}, {"port": 0}]}}, "spec.ports[1].port"),
        (SERVICE, {"spec": {"ports": [{"port": 65536}]}}, "spec.ports[0].port"),
        (SERVICE, {"spec": {"ports": [{"name": "http"}]}}, "spec.ports[0].port"),
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


def test_a_service_and_a_namespace_keep_what_is_not_ours() -> None:
    """Manifests written for a cluster apply unchanged."""
    spec = {"selector": {"app": "x"}, "clusterIP": "None", "ports": [{"port": 80, "targetPort": "http", "nodePort": 1}]}
    assert admitted(SERVICE, spec=spec)["spec"] == spec
    assert admitted(SERVICE, spec={"externalName": "localhost"})["spec"] == {"externalName": "localhost"}
    assert admitted(SERVICE) == core(SERVICE)
    assert admitted(NAMESPACE, spec={"finalizers": ["kubernetes"]})["spec"] == {"finalizers": ["kubernetes"]}
