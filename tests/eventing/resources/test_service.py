"""Services: defaults, rules and columns."""

from typing import Any

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.identity import Object
from eventing.resources.kind import Context
from eventing.resources.service import SERVICE


def service(**spec: Any) -> Object:
    metadata = {"name": "x", "namespace": "demo"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def admitted(item: Object) -> Object:
    return admit(SERVICE.served, item, context=Context()).item


def printed(item: Object) -> tuple[str, ...]:
    return tuple(column.cell(item) for column in SERVICE.columns if column.cell)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"type": "ExternalName"}, "spec.externalName"),
        ({"externalName": "a b"}, "spec.externalName"),
        ({"ports": [{"port": 80}, {"port": 0}]}, "spec.ports[1].port"),
        ({"ports": [{"port": 65536}]}, "spec.ports[0].port"),
        ({"ports": [{"name": "http"}]}, "spec.ports[0].port"),
    ],
)
def test_what_is_wrong_is_told(spec: dict[str, Any], path: str) -> None:
    """One fault, at its path."""
    with pytest.raises(InvalidResource) as caught:
        admitted(service(**spec))
    assert [error.path for error in caught.value.errors] == [path]


def test_what_is_not_ours_is_kept() -> None:
    """Manifests written for a cluster apply unchanged."""
    ports = [{"port": 80, "targetPort": "http", "nodePort": 1, "protocol": "UDP"}]
    spec = {
        "type": "NodePort",
        "selector": {"app": "x"},
        "clusterIP": "None",
        "ports": ports,
        "sessionAffinity": "None",
    }
    assert admitted(service(**spec))["spec"] == spec


def test_what_was_left_out_is_filled_in() -> None:
    """As a cluster does; a host alone makes it a name for that host."""
    assert admitted({**service(), "spec": None})["spec"] == {"type": "ClusterIP"}
    assert admitted(service(externalName="localhost"))["spec"] == {"type": "ExternalName", "externalName": "localhost"}
    ports = admitted(service(ports=[{"port": 80}]))["spec"]["ports"]
    assert ports == [{"port": 80, "protocol": "TCP", "targetPort": 80}]


@pytest.mark.parametrize(
    ("spec", "status", "cells"),
    [
        ({}, {}, ("<none>", "<none>", "<none>", "<none>")),
        ({"externalName": "a.b"}, {}, ("<none>", "a.b", "<none>", "<none>")),
        (
            {"clusterIP": "10.0.0.1", "ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "nodePort": 30053}]},
            {},
            ("10.0.0.1", "<none>", "80/TCP,53:30053/UDP", "<none>"),
        ),
        ({"type": "LoadBalancer", "selector": {"b": "2", "a": "1"}}, {}, ("<none>", "<pending>", "<none>", "a=1,b=2")),
        (
            {"type": "LoadBalancer", "externalIPs": ["1.2.3.4"]},
            {"loadBalancer": {"ingress": [{"ip": "5.6.7.8"}, {"hostname": "h"}]}},
            ("<none>", "1.2.3.4,5.6.7.8,h", "<none>", "<none>"),
        ),
    ],
)
def test_columns_are_those_of_kubernetes(spec: Any, status: Any, cells: tuple[str, ...]) -> None:
    """Addresses, ports and selector."""
    assert printed(admitted(service(**spec)) | {"status": status}) == cells
