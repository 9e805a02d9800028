"""The paths of a kind and their operations."""

from eventing.resources.broker import BROKER
from eventing.resources.core import CONFIG_MAP, NAMESPACE
from eventing.resources.identity import Object
from eventing.resources.kafka_source import KAFKA_SOURCE
from eventing.resources.openapi_operation import paths_of

BROKERS = "/apis/eventing.knative.dev/v1/namespaces/{namespace}/brokers"


def methods(path: Object) -> set[str]:
    return set(path) - {"parameters"}


def parameters(operation: Object) -> set[str]:
    return {one["name"] for one in operation["parameters"]}


def test_a_kind_has_kubernetes_paths() -> None:
    """Everywhere, in a namespace, one object, its status, and its scale where it has one."""
    paths = paths_of(BROKER.served)
    assert {path: methods(item) for path, item in paths.items()} == {
        BROKERS: {"get", "post", "delete"},
        "/apis/eventing.knative.dev/v1/brokers": {"get"},
        BROKERS + "/{name}": {"get", "put", "patch", "delete"},
        BROKERS + "/{name}/status": {"get", "put", "patch"},
    }
    assert any(path.endswith("/kafkasources/{name}/scale") for path in paths_of(KAFKA_SOURCE.served))
    assert set(paths_of(CONFIG_MAP.served)) == {
        "/api/v1/configmaps",
        "/api/v1/namespaces/{namespace}/configmaps",
        "/api/v1/namespaces/{namespace}/configmaps/{name}",
    }
    assert set(paths_of(NAMESPACE.served)) == {
        "/api/v1/namespaces",
        "/api/v1/namespaces/{name}",
        "/api/v1/namespaces/{name}/status",
    }


def test_clients_find_out_what_a_patch_may_ask_for() -> None:
    """By the kind it is about, and its parameters: so kubectl leaves the checking of fields to the server."""
    patch = paths_of(BROKER.served)[BROKERS + "/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "eventing.knative.dev",
        "version": "v1",
        "kind": "Broker",
    }
    assert parameters(patch) == {"dryRun", "fieldManager", "fieldValidation", "force"}


def test_only_core_kinds_take_strategic_patches() -> None:
    """Clients send a merge patch where that is not offered."""
    strategic = "application/strategic-merge-patch+json"
    broker = paths_of(BROKER.served)[BROKERS + "/{name}"]["patch"]["requestBody"]["content"]
    namespace = paths_of(NAMESPACE.served)["/api/v1/namespaces/{name}"]["patch"]["requestBody"]["content"]
    assert set(namespace) - set(broker) == {strategic}


def test_a_scale_is_of_its_own_kind() -> None:
    """Whatever it is the scale of."""
    paths = paths_of(KAFKA_SOURCE.served)
    scale = next(item for path, item in paths.items() if path.endswith("/scale"))
    for method in ("get", "put", "patch"):
        about = scale[method]["x-kubernetes-group-version-kind"]
        assert about == {"group": "autoscaling", "version": "v1", "kind": "Scale"}


def test_every_parameter_is_described_and_every_refusal_has_a_status() -> None:
    """Of every operation."""
    for kind in (BROKER, NAMESPACE, KAFKA_SOURCE):
        for item in paths_of(kind.served).values():
            for name in methods(item):
                assert all(one["description"] for one in item[name]["parameters"])
                assert "Status" in str(item[name]["responses"]["default"])
