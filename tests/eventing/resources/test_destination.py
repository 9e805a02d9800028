"""Where destinations lead."""

import pytest

from eventing.errors import ResolutionError
from eventing.resources.catalogue import Catalogue
from eventing.resources.destination import ResolvedBroker, ResolvedUri, resolve
from eventing.resources.duck import Destination, Reference
from eventing.resources.identity import Key, Object

BROKER = Key("eventing.knative.dev", "Broker", "demo", "default")
BACKING = Key("messaging.knative.dev", "InMemoryChannel", "demo", "c")
OBJECTS: dict[Key, Object] = {
    Key("", "Service", "demo", "plain"): {"spec": {"ports": [{"port": 8080}]}},
    Key("", "Service", "demo", "bare"): {},
    Key("", "Service", "demo", "local"): {
        "spec": {"externalName": "localhost", "ports": [{"port": 9000}, {"port": 1}]}
    },
    Key("", "Service", "demo", "web"): {"spec": {"externalName": "example.com", "ports": [{"port": 80}]}},
    Key("", "Service", "demo", "portless"): {"spec": {"externalName": "example.com", "ports": []}},
    Key("", "ConfigMap", "demo", "c"): {},
    Key("", "Secret", "demo", "s"): {},
    BROKER: {},
    BACKING: {},
    Key("messaging.knative.dev", "Channel", "demo", "c"): {
        "apiVersion": "messaging.knative.dev/v1",
        "kind": "Channel",
        "metadata": {"name": "c", "namespace": "demo"},
        "spec": {"channelTemplate": {"apiVersion": "messaging.knative.dev/v1", "kind": "InMemoryChannel"}},
    },
    Key("messaging.knative.dev", "KafkaChannel", "demo", "two"): {
        "status": {"addresses": [{"url": "http://first.test/a"}, {"url": "http://b"}], "address": {"url": "http://c"}}
    },
    Key("messaging.knative.dev", "KafkaChannel", "demo", "one"): {
        "status": {"address": {"url": "http://one.test/a/b"}}
    },
}
SERVED = {BROKER, BACKING}.__contains__
"""What is at work in this process."""


def lead(destination: Destination) -> ResolvedUri | ResolvedBroker:
    return resolve(destination, OBJECTS.get, catalogue=Catalogue(), is_served=SERVED)


def service(name: str) -> Reference:
    return Reference("v1", "Service", "demo", name)


@pytest.mark.parametrize(
    ("destination", "uri"),
    [
        (Destination(uri="http://h:1/x?y#z"), "http://h:1/x?y#z"),
        (Destination(service("plain")), "http://plain.demo.svc.cluster.local"),
        (Destination(service("bare")), "http://bare.demo.svc.cluster.local"),
        (Destination(service("plain"), ca_certs="pem"), "https://plain.demo.svc.cluster.local"),
        (Destination(service("plain"), "in?x=1"), "http://plain.demo.svc.cluster.local/in?x=1"),
        (Destination(service("plain"), "/a/../b"), "http://plain.demo.svc.cluster.local/b"),
        (Destination(service("local")), "http://localhost:9000"),
        (Destination(service("local"), "/in"), "http://localhost:9000/in"),
        (Destination(service("web")), "http://example.com"),
        (Destination(service("portless")), "http://example.com"),
    ],
)
def test_a_service_or_an_address_leads_to_a_uri(destination: Destination, uri: str) -> None:
    """An address is taken verbatim; a path is joined to a Service's as RFC 3986 says."""
    assert lead(destination) == ResolvedUri(uri)


def test_the_domain_of_the_cluster_can_be_another() -> None:
    """Services are named in it."""
    found = resolve(
        Destination(service("plain")),
        OBJECTS.get,
        catalogue=Catalogue(),
        is_served=SERVED,
        cluster_domain="example.org",
    )
    assert found == ResolvedUri("http://plain.demo.svc.example.org")


@pytest.mark.parametrize("kind", ["Channel", "InMemoryChannel"])
def test_a_channel_is_reached_in_process(kind: str) -> None:
    """By way of the channel that was made for it."""
    assert lead(Destination(Reference("messaging.knative.dev/v1", kind, "demo", "c"))) == ResolvedBroker(BACKING)


@pytest.mark.parametrize(
    ("name", "uri", "expected"),
    [("two", None, "http://first.test/a"), ("one", None, "http://one.test/a/b"), ("one", "c", "http://one.test/a/c")],
)
def test_anything_else_has_the_address_that_its_status_tells(name: str, uri: str | None, expected: str) -> None:
    """The first of several counts for more than the one."""
    ref = Reference("messaging.knative.dev/v1", "KafkaChannel", "demo", name)
    assert lead(Destination(ref, uri)) == ResolvedUri(expected)


def test_a_broker_is_reached_in_process() -> None:
    """Its events make no HTTP request."""
    assert lead(Destination(Reference("eventing.knative.dev/v1", "Broker", "demo", "default"))) == ResolvedBroker(
        BROKER
    )


@pytest.mark.parametrize(
    ("ref", "uri", "reason", "message"),
    [
        (service("gone"), None, "NotFound", 'failed to get object demo/gone: services "gone" not found'),
        (
            Reference("eventing.knative.dev/v1", "Broker", "demo", "gone"),
            None,
            "NotFound",
            'failed to get object demo/gone: brokers.eventing.knative.dev "gone" not found',
        ),
        (
            Reference("v1", "ConfigMap", "demo", "c"),
            None,
            "NotAddressable",
            "address not set for Kind = ConfigMap, Namespace = demo, Name = c, APIVersion = v1, Group = , Address = ",
        ),
        (
            Reference("v1", "Secret", "demo", "s"),
            "/in",
            "NotAddressable",
            "address not set for Kind = Secret, Namespace = demo, Name = s, APIVersion = v1, Group = , Address = ",
        ),
        (
            Reference("eventing.knative.dev/v1", "Broker", "demo", "default"),
            "/in",
            "NotAddressable",
            "a Broker has no address but its own, not '/in' below it",
        ),
    ],
)
def test_what_leads_nowhere_says_why(ref: Reference, uri: str | None, reason: str, message: str) -> None:
    """In Knative's words, for a condition to show."""
    with pytest.raises(ResolutionError) as caught:
        lead(Destination(ref, uri))
    assert (caught.value.reason, caught.value.message) == (reason, message)


@pytest.mark.parametrize("api_version", ["example.com/v1", "v2"])
def test_an_unknown_kind_is_named(api_version: str) -> None:
    """A wrong version is one, too."""
    with pytest.raises(ResolutionError, match=f"the server has no kind Service in {api_version}") as caught:
        lead(Destination(Reference(api_version, "Service", "demo", "s")))
    assert caught.value.reason == "UnknownKind"
