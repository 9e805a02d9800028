"""Objects against their paths."""

from typing import Any

import pytest

from eventing.apiserver.identification import identified, strict_fault
from eventing.apiserver.refusal import Refused
from eventing.apiserver.target import Target
from eventing.resources.broker import BROKER
from eventing.resources.core import NAMESPACE

COLLECTION = Target(BROKER.served, "demo")
OBJECT = Target(BROKER.served, "demo", "b")


def test_what_is_left_out_comes_from_the_path() -> None:
    """apiVersion, kind, namespace; not the name, which a creation may have generated."""
    assert identified({}, COLLECTION) == {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Broker",
        "metadata": {"namespace": "demo"},
    }
    assert identified({"metadata": None}, Target(NAMESPACE.served))["metadata"] == {}


def test_what_agrees_with_the_path_stays() -> None:
    """And everything else of the object."""
    item = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Broker",
        "metadata": {"name": "b", "namespace": "demo"},
        "spec": {"x": 1},
    }
    assert item == identified(item, OBJECT)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "the object provided is unrecognized (must be of type Broker): expected a map, got list"),
        ({"metadata": 1}, 'Broker in version "v1" cannot be handled as a Broker: metadata: expected a map, got number'),
        ({"kind": "Trigger"}, 'Trigger in version "v1" cannot be handled as a Broker: the path is one of Broker'),
        (
            {"apiVersion": "eventing.knative.dev/v2"},
            (
                "the API version in the data (eventing.knative.dev/v2) does not match the expected API version "
                "(eventing.knative.dev/v1)"
            ),
        ),
        (
            {"metadata": {"name": "b", "namespace": "other"}},
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"metadata": {"name": "c"}},
            "the name of the object (c) does not match the name on the URL (b)",
        ),
        ({}, "the name of the object () does not match the name on the URL (b)"),
    ],
)
def test_what_contradicts_the_path_is_refused(given: Any, words: str) -> None:
    """400, in Kubernetes' words."""
    with pytest.raises(Refused) as caught:
        identified(given, OBJECT)
    assert (400, words) == (caught.value.code, caught.value.message)


def test_unknown_fields_are_refused_where_asked() -> None:
    """All of them in one message."""
    found = strict_fault({}, BROKER.served, ('unknown field "spec.a"', 'unknown field "spec.b"'))
    assert found.message == (
        'Broker in version "v1" cannot be handled as a Broker: strict decoding error: unknown field "spec.a", '
        'unknown field "spec.b"'
    )
