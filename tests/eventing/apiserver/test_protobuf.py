"""Kubernetes' protobuf."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.apiserver.protobuf import MalformedProtobuf, read_protobuf


def varint(number: int) -> bytes:
    number %= 2**64
    low = bytes([number & 0x7F | (0x80 if number > 0x7F else 0)])
    return low + (varint(number >> 7) if number > 0x7F else b"")


def field(number: int, value: str | bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def enveloped(kind: str, raw: bytes, api_version: str = "v1") -> bytes:
    unknown = field(1, field(1, api_version) + field(2, kind)) + field(2, raw) + field(3, "") + field(4, "")
    return b"k8s\x00" + unknown


def entry(key: str, value: str | bytes) -> bytes:
    return field(1, key) + field(2, value)


def test_a_config_map_is_read() -> None:
    """What is empty is left out, as Go's JSON has it; values of maps stay."""
    metadata = field(1, "c1") + field(2, "") + field(7, 0) + field(8, b"") + field(11, entry("a", "b"))
    raw = field(1, metadata) + field(2, entry("k", "v")) + field(2, entry("empty", "")) + field(3, entry("b", b"\x01"))
    assert read_protobuf(enveloped("ConfigMap", raw + field(4, 1))) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c1", "labels": {"a": "b"}},
        "data": {"k": "v", "empty": ""},
        "binaryData": {"b": "AQ=="},
        "immutable": True,
    }


def test_a_secrets_values_are_base64() -> None:
    """As in JSON."""
    raw = field(1, field(1, "s1")) + field(2, entry("password", b"x")) + field(3, "Opaque") + field(4, entry("t", "u"))
    found = read_protobuf(enveloped("Secret", raw))
    assert found["data"] == {"password": "eA=="}
    assert (found["type"], found["stringData"]) == ("Opaque", {"t": "u"})


def test_a_services_ports_are_read() -> None:
    """Target ports are numbers or names; negative numbers are themselves."""
    number = field(1, "a") + field(3, 80) + field(4, field(1, 0) + field(2, 8080) + field(3, ""))
    name = field(3, -1) + field(4, field(1, 1) + field(3, "http"))
    spec = field(1, number) + field(1, name) + field(2, entry("app", "x")) + field(4, "ClusterIP") + field(5, "1.2.3.4")
    found = read_protobuf(enveloped("Service", field(1, field(1, "s")) + field(2, spec) + field(3, b"")))
    assert found["spec"] == {
        "ports": [{"name": "a", "port": 80, "targetPort": 8080}, {"port": -1, "targetPort": "http"}],
        "selector": {"app": "x"},
        "type": "ClusterIP",
        "externalIPs": ["1.2.3.4"],
    }


def test_times_and_owners_are_read() -> None:
    """Seconds since the epoch; Go's zero time is none."""
    owner = field(1, "Broker") + field(3, "b") + field(4, "1") + field(5, "eventing.knative.dev/v1") + field(6, 1)
    metadata = field(1, "n") + field(8, field(1, 1) + field(2, 5)) + field(9, field(1, -62135596800)) + field(13, owner)
    found = read_protobuf(enveloped("Namespace", field(1, metadata + field(14, "f")) + field(2, b"") + field(3, b"")))
    assert found["metadata"] == {
        "name": "n",
        "creationTimestamp": "1970-01-01T00:00:01Z",
        "ownerReferences": [
            {"kind": "Broker", "name": "b", "uid": "1", "apiVersion": "eventing.knative.dev/v1", "controller": True}
        ],
        "finalizers": ["f"],
    }


def test_a_review_is_read() -> None:
    """What `kubectl auth can-i` sends."""
    attributes = field(1, "default") + field(2, "create") + field(3, "eventing.knative.dev") + field(5, "triggers")
    found = read_protobuf(
        enveloped("SelfSubjectAccessReview", field(2, field(1, attributes)), "authorization.k8s.io/v1")
    )
    assert found["spec"]["resourceAttributes"]["resource"] == "triggers"


def test_delete_options_have_no_metadata() -> None:
    """Field 1 is another there."""
    raw = field(1, 30) + field(2, field(1, "u")) + field(4, "Orphan") + field(5, "All")
    assert read_protobuf(enveloped("DeleteOptions", raw)) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "u"},
        "propagationPolicy": "Orphan",
        "dryRun": ["All"],
    }


def test_fields_of_fixed_size_are_passed_over() -> None:
    """Whatever a later Kubernetes adds."""
    raw = field(1, field(1, "c")) + varint(90 << 3 | 5) + b"\x00" * 4 + varint(91 << 3 | 1) + b"\x00" * 8 + field(92, 1)
    assert read_protobuf(enveloped("ConfigMap", raw))["metadata"] == {"name": "c"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{}", "does not begin"),
        (b"k8s\x00", "a kind without a name"),
        (enveloped("Pod", b""), "Pod is read in JSON and YAML only"),
        (enveloped("ConfigMap", field(1, 5)), "a number stands"),
        (enveloped("ConfigMap", field(4, "x")), "a text or message stands"),
        (enveloped("ConfigMap", field(1, field(1, b"\xff"))), "not UTF-8"),
        (enveloped("ConfigMap", b"\x0a\x05a"), "longer than its message"),
        (enveloped("ConfigMap", b"\x80"), "no end"),
        (enveloped("ConfigMap", b"\xff" * 11), "no end"),
        (enveloped("ConfigMap", b"\x0b"), "wire type 3"),
    ],
)
def test_what_is_no_message_is_refused(content: bytes, words: str) -> None:
    """With what is wrong."""
    with pytest.raises(MalformedProtobuf, match=words):
        read_protobuf(content)


@given(st.binary(max_size=60), st.sampled_from(["ConfigMap", "Secret", "Service", "DeleteOptions"]))
def test_no_bytes_break_the_reader(raw: bytes, kind: str) -> None:
    """Read or refused, never anything else."""
    try:
        found: dict[str, Any] = read_protobuf(enveloped(kind, raw))
    except MalformedProtobuf:
        return
    assert found["kind"] == kind
