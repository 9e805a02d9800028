"""A real API server and these rules agree on who owns which fields, on conflicts, and on what objects become."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import yaml

from eventing.patch.last_applied import ANNOTATION
from eventing.resources.structural_schema import schema_of
from tests.eventing.patch.histories import CONFIG, GROUP, SPEC, STATUS, THING, Kind, Step, play, play_for_real
from tests.rig.cluster import CRDS, Cluster


def definition() -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": schema_of(SPEC), "status": schema_of(STATUS)}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [{**version, "subresources": {"status": {}}}],
        },
    }


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[httpx2.Client]:
    item = definition()
    cluster.install(yaml.safe_dump(item))
    with cluster.client() as client:
        yield client
        client.delete(f"{CRDS}/{item['metadata']['name']}").raise_for_status()


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


def port(number: int, **fields: Any) -> dict[str, Any]:
    return {"port": number, "protocol": "TCP", **fields}


def labels(**values: str | None) -> dict[str, Any]:
    return {"metadata": {"labels": values}}


OWNERS = [{"apiVersion": "nowhere.test/v1", "kind": "Nothing", "name": "x", "uid": "u1"}]


def last_applied(**data: str) -> dict[str, Any]:
    return {"annotations": {ANNOTATION: json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "data": data})}}


FULL = spec(
    broker="b",
    delivery={"retry": 1},
    attributes={"a": "1"},
    nested={"n": {"x": "1"}},
    tags=["t<1>"],
    ports=[port(80, name="http")],
    filters=[{"exact": {"a": "1"}}],
    whole={"a": "1"},
    open={"l": [1], "m": {"k": {"j": 1}}, "s": "x"},
    any={"l": [{"a": 1}], "m": {"k": 1}},
)
FULL_METADATA = {
    "labels": {"a.b/c": "d"},
    "annotations": {"n": "<&>é"},
    "finalizers": ["e.f/g"],
    "ownerReferences": OWNERS,
}
HISTORIES: dict[str, list[Step]] = {
    "a creation, a replacement, and one that changes nothing": [
        Step("create", "one", {**FULL, "metadata": FULL_METADATA}),
        Step("put", "two", {**FULL, "metadata": FULL_METADATA}),
        Step("put", "two", {**spec(broker="c", tags=["u"]), "metadata": {"labels": {"a.b/c": "e"}}}),
        Step("put", "one", {**spec(broker="c", tags=["u"]), "metadata": {"labels": {"a.b/c": "e"}}}),
    ],
    "everything is applied, and then little": [
        Step("apply", "one", {**FULL, "metadata": FULL_METADATA}),
        Step("apply", "one", {**FULL, "metadata": FULL_METADATA}),
        Step("apply", "one", spec(broker="b")),
        Step("apply", "one", {}),
    ],
    "empty values": [
        Step("create", "one", spec(attributes={}, tags=[], ports=[], filters=[], open={}, any={}, delivery={})),
        Step("apply", "two", spec(attributes={}, tags=[], ports=[], filters=[], open={}, any={}, delivery={})),
        Step("apply", "two", spec(attributes={"a": "1", "b": "2"}, tags=["t", "u"], ports=[port(1)], open={"a": {}})),
        Step("apply", "two", spec(attributes={"b": "2"}, tags=["u"], ports=[port(1)], open={"a": {"b": 1}})),
    ],
    "a conflict, and another manager's force": [
        Step("apply", "one", spec(broker="b", number=1, attributes={"a": "1", "b": "2"})),
        Step("apply", "two", spec(broker="c")),
        Step("apply", "two", spec(broker="c", number=2, attributes={"a": "2"})),
        Step("apply", "two", spec(broker="c", attributes={"a": "2"}), is_forced=True),
        Step("apply", "one", spec(broker="c", number=1, attributes={"a": "2", "b": "2"})),
        Step("apply", "two", spec()),
    ],
    "conflicts with updates": [
        Step("create", "one", spec(broker="b", attributes={"a": "1"})),
        Step("merge", "two", spec(number=1)),
        Step("apply", "three", spec(broker="c", number=2)),
        Step("apply", "three", spec(broker="b")),
        Step("apply", "three", spec(broker="c")),
        Step("apply", "three", spec(broker="c", number=1), is_forced=True),
        Step("merge", "two", spec(broker="d")),
        Step("apply", "three", spec()),
    ],
    "two managers have the same value, and one leaves": [
        Step("apply", "one", spec(broker="b", tags=["x", "y"], ports=[port(80, name="a")])),
        Step("apply", "two", spec(broker="b", tags=["y", "z"], ports=[port(80), port(443)])),
        Step("apply", "one", spec()),
        Step("apply", "two", spec(tags=["z"])),
    ],
    "the order of lists": [
        Step("apply", "one", spec(tags=["a", "b", "c"], ports=[port(1), port(2), port(3)])),
        Step("apply", "two", spec(tags=["c", "x", "a"], ports=[port(3), port(9), port(1)])),
        Step("apply", "three", spec(tags=["n", "m"])),
        Step("apply", "one", spec(tags=["c", "b"], ports=[port(3), port(2, name="n")])),
    ],
    "what stands in an item or a map that somebody else has parts of": [
        Step("apply", "one", spec(ports=[port(80, name="a")], nested={"n": {"x": "1"}}, open={"m": {"k": 1}})),
        Step("merge", "two", spec(ports=[port(80, name="b"), port(81)], open={"m": {"j": 2}, "n": 1})),
        Step("merge", "two", spec(nested={"n": {"y": "2"}, "m": {"z": "3"}})),
        Step("apply", "one", spec()),
    ],
    "values of changing kinds": [
        Step("create", "one", spec(any="text", open={"a": 1, "b": [1]})),
        Step("merge", "two", spec(any={"a": 1}, open={"a": {"x": 1}, "b": {"y": 2}})),
        Step("merge", "three", spec(any=[1], open={"a": [2], "b": "t"})),
        Step("apply", "four", spec(any={"b": 1}, open={"a": {"z": 1}}), is_forced=True),
    ],
    "a status of its own": [
        Step("create", "one", {**spec(broker="b"), "status": {"ready": "no"}}),
        Step("merge", "controller", {"status": {"ready": "yes"}, "spec": {"broker": "c"}}, "status"),
        Step("put", "two", {**spec(broker="d"), "status": {"ready": "no"}}),
        Step("apply", "applier", {"status": {"ready": "yes", "conditions": [{"a": 1}]}}, "status"),
        Step("apply", "other", {"status": {"ready": "no"}}, "status"),
        Step("apply", "other", {**spec(number=1), "status": {"ready": "no"}}),
        Step("apply", "applier", {}, "status"),
    ],
    "owners are forgotten, and remembered from the first apply on": [
        Step("create", "one", spec(broker="b")),
        Step("put", "two", {**spec(broker="b", number=1), "metadata": {"managedFields": []}}),
        Step("put", "two", {**spec(broker="b", number=2), "metadata": {"managedFields": [{}]}}),
        Step("merge", "two", spec(number=2, broker="c")),
        Step("merge", "three", {"metadata": {"managedFields": [{}]}}),
        Step("apply", "four", spec(number=2)),
        Step("merge", "two", spec(number=3)),
        Step("merge", "two", {"metadata": {"managedFields": [{}]}, **spec(number=4)}),
    ],
    "a client writes managedFields of its own": [
        Step("create", "one", spec(broker="b", number=1)),
        Step(
            "merge",
            "two",
            {
                **spec(number=2),
                "metadata": {
                    "managedFields": [
                        {
                            "manager": "forged",
                            "operation": "Apply",
                            "apiVersion": THING.api_version,
                            "fieldsType": "FieldsV1",
                            "fieldsV1": {"f:spec": {".": {}, "f:number": {}, "f:broker": {".": {}}}},
                        }
                    ]
                },
            },
        ),
    ],
    "more managers than are remembered": [
        Step("create", "m0", spec(attributes={"a0": "x"})),
        *(Step("merge", f"m{n}", spec(attributes={f"a{n}": "x"})) for n in range(1, 10)),
        Step("apply", "applier", spec(attributes={"b": "x"})),
    ],
    "labels and annotations": [
        Step("create", "one", {**spec(broker="b"), **labels(a="1", b="2")}),
        Step("merge", "two", labels(a=None, c="3")),
        Step("apply", "three", labels(b="2", d="4")),
        Step("apply", "three", labels(d="5")),
        Step("apply", "three", {}),
        Step("merge", "two", {"metadata": {"labels": None}}),
    ],
    "finalizers and owners": [
        Step("create", "one", {"metadata": {"finalizers": ["a.b/c"]}}),
        Step("apply", "two", {"metadata": {"finalizers": ["d.e/f"], "ownerReferences": OWNERS}}),
        Step("merge", "three", {"metadata": {"ownerReferences": [{**OWNERS[0], "name": "y"}]}}),
        Step("apply", "two", {"metadata": {"ownerReferences": OWNERS}}),
        Step("merge", "three", {"metadata": {"finalizers": None}}),
    ],
}
CORE_HISTORIES: dict[str, list[Step]] = {
    "strategic patches": [
        Step("create", "one", {"data": {"a": "1"}, "metadata": {"finalizers": ["a.b/c"], "ownerReferences": OWNERS}}),
        Step("strategic", "two", {"data": {"b": "2", "a": None}, "metadata": {"finalizers": ["d.e/f"]}}),
        Step("strategic", "two", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c"]}}),
        Step("strategic", "two", {"metadata": {"ownerReferences": [{**OWNERS[0], "uid": "u2"}]}}),
        Step("strategic", "three", {"metadata": {"ownerReferences": [{"uid": "u1", "$patch": "delete"}]}}),
        Step(
            "strategic",
            "three",
            {"metadata": {"$setElementOrder/finalizers": ["z.z/z", "d.e/f"], "finalizers": ["z.z/z"]}},
        ),
        Step("strategic", "three", {"data": {"$patch": "replace", "c": "3"}}),
        Step("strategic", "three", {"data": {"$retainKeys": ["d"], "d": "4"}}),
        Step("strategic", "three", {"metadata": {"finalizers": None}}),
    ],
    "owners are forgotten": [
        Step("create", "one", {"data": {"a": "1"}}),
        Step("merge", "two", {"data": {"a": "2"}, "metadata": {"managedFields": []}}),
        Step("apply", "three", {"data": {"a": "2"}}),
        Step("strategic", "two", {"data": {"a": "3"}, "metadata": {"managedFields": [{}]}}),
        Step("strategic", "two", {"data": {"a": "4"}}),
    ],
    "kubectl applies by itself, and then by the server": [
        Step(
            "create",
            "kubectl-client-side-apply",
            {"data": {"a": "1", "b": "2"}, "metadata": last_applied(a="1", b="2")},
        ),
        Step("merge", "two", {"data": {"b": "3"}}),
        Step("apply", "kubectl", {"data": {"a": "2", "b": "2"}}),
        Step("apply", "other", {"data": {"a": "2"}}),
        Step(
            "apply", "kubectl", {"data": {"a": "2"}, "metadata": {"labels": {"l": "m"}, "annotations": {"n": "<&>é"}}}
        ),
        Step("apply", "kubectl", {"data": {"a": "3"}}),
    ],
    "an annotation that kubectl did not write": [
        Step("create", "one", {"data": {"a": "1"}, "metadata": {"annotations": {ANNOTATION: "{"}}}),
        Step("apply", "kubectl", {"data": {"a": "2"}}),
        Step("merge", "one", {"metadata": {"annotations": {ANNOTATION: '{"apiVersion":"v2","data":{"a":"1"}}'}}}),
        Step("apply", "kubectl", {"data": {"a": "2"}}),
    ],
    "applies": [
        Step("apply", "one", {"data": {"a": "1", "b": "2"}, "metadata": {"ownerReferences": OWNERS}}),
        Step("merge", "two", {"data": {"a": "2"}}),
        Step("apply", "one", {"data": {"a": "3", "b": "2"}}),
        Step("apply", "one", {"data": {"b": "2"}}),
        Step("apply", "three", {"data": {"a": "2", "b": "3"}}),
        Step("apply", "one", {}),
    ],
}


@pytest.mark.parametrize(
    ("kind", "steps"),
    [(THING, steps) for steps in HISTORIES.values()] + [(CONFIG, steps) for steps in CORE_HISTORIES.values()],
    ids=[*HISTORIES, *CORE_HISTORIES],
)
def test_histories_end_alike(
    client: httpx2.Client, request: pytest.FixtureRequest, kind: Kind, steps: list[Step]
) -> None:
    """After every step: the object, the entries of its managers, and the words of a conflict."""
    name = f"history-{request.node.callspec.id.encode().hex()[:40]}"
    real, ours = play_for_real(client, kind, name, steps), play(kind, name, steps)
    for step, expected, found in zip(steps, real, ours, strict=True):
        assert (step, expected) == (step, found)
