"""Admission: the steps that are the same for every kind."""

import copy
from typing import Any

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.broker import BROKER
from eventing.resources.core import CONFIG_MAP
from eventing.resources.kind import Context

CREATOR, MODIFIER = "eventing.knative.dev/creator", "eventing.knative.dev/lastModifier"


def broker(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Broker",
        "metadata": {"name": "b", "namespace": "demo", **metadata},
    }


def test_unknown_fields_are_errors_or_warnings() -> None:
    """Strict, all are told beside the other faults; else they are pruned."""
    item = broker() | {"nope": 1, "spec": {"typo": 2, "delivery": {"retry": -1}}}
    with pytest.raises(InvalidResource) as caught:
        admit(BROKER.served, item, context=Context())
    expected = ["nope: unknown field", "spec.delivery.retry: invalid value: -1", "spec.typo: unknown field"]
    assert [str(error) for error in caught.value.errors] == expected
    del item["spec"]["delivery"]
    admitted = admit(BROKER.served, item, context=Context(), is_strict=False)
    assert admitted.warnings == ('unknown field "nope"', 'unknown field "spec.typo"')
    assert "typo" not in admitted.item["spec"]


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        (None, [""]),
        ("text", [""]),
        ({}, ["metadata"]),
        ({"metadata": []}, ["metadata"]),
        ({"metadata": {"name": 1}, "x": 1, "spec": []}, ["metadata.name", "spec", "x"]),
    ],
)
def test_whatever_is_given_is_refused_with_its_path(given: Any, paths: list[str]) -> None:
    """Wrong types are told before any rule looks at the object."""
    with pytest.raises(InvalidResource) as caught:
        admit(BROKER.served, given, context=Context())
    assert [error.path for error in caught.value.errors] == paths


def test_the_given_object_stays_and_status_falls_away() -> None:
    """Defaults are filled into a copy."""
    item = broker() | {"status": {"address": {"url": "http://x/"}}}
    before = copy.deepcopy(item)
    admitted = admit(BROKER.served, item, context=Context()).item
    assert item == before
    assert "status" not in admitted
    assert "spec" in admitted


def test_knatives_kinds_are_signed() -> None:
    """Who made it, once; who changed its spec last. A change of metadata is signed by nobody."""
    old = admit(BROKER.served, broker(annotations={CREATOR: "eve"}), context=Context("admin")).item
    signatures = old["metadata"]["annotations"]
    assert (signatures[CREATOR], signatures[MODIFIER]) == ("admin", "admin")
    labelled = copy.deepcopy(old)
    labelled["metadata"]["labels"] = {"a": "b"}
    assert (
        admit(BROKER.served, labelled, old=old, context=Context("alice")).item["metadata"]["annotations"][MODIFIER]
        == "admin"
    )
    changed = copy.deepcopy(old)
    changed["spec"]["delivery"] = {"retry": 1}
    annotations = admit(BROKER.served, changed, old=old, context=Context("alice")).item["metadata"]["annotations"]
    assert (annotations[CREATOR], annotations[MODIFIER]) == ("admin", "alice")


def test_core_kinds_are_not_signed() -> None:
    """A ConfigMap is stored as it came."""
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "demo"}, "data": {"a": "b"}}
    assert admit(CONFIG_MAP.served, item, context=Context()).item == item
