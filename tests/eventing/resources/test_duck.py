"""References and destinations."""

from typing import Any

import pytest

from eventing.resources.duck import Destination, Reference, default_destination, validate_destination
from eventing.resources.identity import Key

REF = {"apiVersion": "v1", "kind": "Service", "name": "s"}
PEM = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"
NO_RELATIVE = "invalid value: Relative URI is not allowed when Ref and [apiVersion, kind, name] is absent"
NO_ABSOLUTE = "Absolute URI is not allowed when Ref or [apiVersion, kind, name] is present"


def faults(destination: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error.path, error.reason) for error in validate_destination(destination, "sink")]


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ({}, [("sink.ref", "expected at least one, got none"), ("sink.uri", "expected at least one, got none")]),
        (
            {"ref": {"kind": "Service"}},
            [("sink.ref.apiVersion", "missing field(s)"), ("sink.ref.name", "missing field(s)")],
        ),
        ({"ref": REF, "uri": "http://h/"}, [("sink.ref", NO_ABSOLUTE), ("sink.uri", NO_ABSOLUTE)]),
        ({"ref": REF, "uri": "//h/"}, [("sink.ref", NO_ABSOLUTE), ("sink.uri", NO_ABSOLUTE)]),
        ({"uri": "/in"}, [("sink.uri", NO_RELATIVE)]),
        ({"uri": ""}, [("sink.uri", NO_RELATIVE)]),
        ({"uri": "ftp://h/"}, [("sink.uri", "invalid value: ftp://h/")]),
        ({"uri": "http://"}, [("sink.uri", "invalid value: http://")]),
        ({"uri": "//h/in"}, [("sink.uri", "invalid value: //h/in")]),
        ({"uri": "http://h:99999/"}, [("sink.uri", "invalid value: http://h:99999/")]),
        ({"uri": "http://h:0/"}, [("sink.uri", "invalid value: http://h:0/")]),
        ({"uri": "http://[::1/"}, [("sink.uri", "invalid value: http://[::1/")]),
        ({"uri": "http://h/a b"}, [("sink.uri", "invalid value: http://h/a b")]),
        ({"ref": REF, "uri": "/a\nb"}, [("sink.uri", "invalid value: /a\\nb")]),
        ({"ref": REF, "CACerts": "x"}, [("sink.CACerts", "invalid value: expected certificates in PEM")]),
        ({"ref": REF, "CACerts": PEM + "x"}, [("sink.CACerts", "invalid value: expected certificates in PEM")]),
        (
            {"ref": REF, "CACerts": PEM.replace("MAMC", "!")},
            [("sink.CACerts", "invalid value: expected certificates in PEM")],
        ),
        ({"ref": REF}, []),
        ({"ref": REF, "uri": "in?x=1", "CACerts": PEM * 2}, []),
        ({"uri": "https://user@h:8443/in?x=%20"}, []),
    ],
)
def test_a_destination_leads_somewhere(destination: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """An absolute address, or an object and perhaps a path below its address; nothing that takes no request."""
    assert faults(destination) == expected


def test_a_reference_points_into_its_objects_namespace() -> None:
    """By default; one that names a namespace keeps it, and an address has none."""
    own, other, address = {"ref": dict(REF)}, {"ref": {**REF, "namespace": "other"}}, {"uri": "http://h/"}
    for destination in (own, other, address, None):
        default_destination(destination, "demo")
    assert own == {"ref": {**REF, "namespace": "demo"}}
    assert other == {"ref": {**REF, "namespace": "other"}}
    assert address == {"uri": "http://h/"}


def test_the_view_of_a_destination() -> None:
    """What is absent is None; a reference has the key of its object, whatever the version."""
    assert Destination.of({"uri": "http://h/"}, "demo") == Destination(uri="http://h/")
    ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b"}
    view = Destination.of({"ref": ref, "CACerts": PEM, "audience": "a"}, "demo")
    assert view == Destination(Reference("eventing.knative.dev/v1", "Broker", "demo", "b"), None, PEM, "a")
    assert view.ref is not None
    assert view.ref.key == Key("eventing.knative.dev", "Broker", "demo", "b")
