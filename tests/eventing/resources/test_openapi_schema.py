"""The schemas of an OpenAPI document."""

import pytest

from eventing.resources.broker import BROKER
from eventing.resources.core import NAMESPACE
from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.kafka_source import KAFKA_SOURCE
from eventing.resources.kind import Served
from eventing.resources.openapi_schema import META, SCALE, schema_name, schemas
from eventing.resources.service import SERVICE


@pytest.mark.parametrize(
    ("served", "name"),
    [
        (BROKER.served, "dev.knative.eventing.v1.Broker"),
        (Served(EVENT_TYPE, EVENT_TYPE.versions[0]), "dev.knative.eventing.v1beta3.EventType"),
        (NAMESPACE.served, "io.k8s.api.core.v1.Namespace"),
    ],
)
def test_schemas_have_the_names_that_kubernetes_gives_them(served: Served, name: str) -> None:
    """The group's words backwards, then version and kind; each has its list, and says what it is about."""
    found = schemas([served])
    about = {"group": served.kind.group, "version": served.version.name, "kind": served.kind.name}
    assert schema_name(served) == name
    assert found[name]["x-kubernetes-group-version-kind"] == [about]
    listed = [about | {"kind": f"{served.kind.name}List"}]
    assert found[f"{name}List"]["x-kubernetes-group-version-kind"] == listed
    assert found[name]["description"] == served.kind.description


def test_metadata_is_shared() -> None:
    """By reference, with words of its own; so are its larger parts."""
    found = schemas([BROKER.served])
    metadata = found["dev.knative.eventing.v1.Broker"]["properties"]["metadata"]
    assert metadata["allOf"] == [{"$ref": f"#/components/schemas/{META}.ObjectMeta"}]
    assert metadata["description"]
    owners = found[f"{META}.ObjectMeta"]["properties"]["ownerReferences"]
    assert owners["items"] == {"$ref": f"#/components/schemas/{META}.OwnerReference"}
    assert found[f"{META}.OwnerReference"]["required"] == ["apiVersion", "kind", "name", "uid"]


def test_core_kinds_say_how_lists_are_patched() -> None:
    """By the port's number; a set of texts is merged without a key. Kinds of Knative take no such patches."""
    found = schemas([SERVICE.served, EVENT_TYPE.served])
    ports = found["io.k8s.api.core.v1.Service"]["properties"]["spec"]["properties"]["ports"]
    assert (ports["x-kubernetes-patch-strategy"], ports["x-kubernetes-patch-merge-key"]) == ("merge", "port")
    assert (ports["x-kubernetes-list-type"], ports["x-kubernetes-list-map-keys"]) == ("map", ["port", "protocol"])
    finalizers = found[f"{META}.ObjectMeta"]["properties"]["finalizers"]
    assert finalizers["x-kubernetes-patch-strategy"] == "merge"
    assert "x-kubernetes-patch-merge-key" not in finalizers
    assert "x-kubernetes-patch" not in str(found["dev.knative.eventing.v1beta2.EventType"])


def test_a_scale_is_there_where_a_kind_has_one() -> None:
    """And nowhere else."""
    assert SCALE in schemas([KAFKA_SOURCE.served])
    assert SCALE not in schemas([BROKER.served])
