"""Where paths lead."""

from dataclasses import replace

import pytest

from eventing.apiserver.target import Target, resolve, subresources
from eventing.resources.broker import BROKER
from eventing.resources.catalogue import Catalogue
from eventing.resources.core import CONFIG_MAP, NAMESPACE
from eventing.resources.kind import Scale

SCALED = replace(BROKER, scale=Scale(".spec.replicas", ".status.replicas"))
CATALOGUE = Catalogue((NAMESPACE, CONFIG_MAP, SCALED))
V1 = "/apis/eventing.knative.dev/v1"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{V1}/brokers", Target(SCALED.served)),
        (f"{V1}/namespaces/demo/brokers", Target(SCALED.served, "demo")),
        (f"{V1}/namespaces/demo/brokers/", Target(SCALED.served, "demo")),
        (f"{V1}/namespaces/demo/brokers/b", Target(SCALED.served, "demo", "b")),
        (f"{V1}/namespaces/demo/brokers/b/status", Target(SCALED.served, "demo", "b", "status")),
        (f"{V1}/namespaces/demo/brokers/b/scale", Target(SCALED.served, "demo", "b", "scale")),
        ("/api/v1/namespaces", Target(NAMESPACE.served)),
        ("/api/v1/namespaces/demo", Target(NAMESPACE.served, None, "demo")),
        ("/api/v1/namespaces/demo/status", Target(NAMESPACE.served, None, "demo", "status")),
        ("/api/v1/namespaces/demo/configmaps/c", Target(CONFIG_MAP.served, "demo", "c")),
    ],
)
def test_a_path_leads_to_a_kind(path: str, expected: Target) -> None:
    """With and without a namespace, to collections, objects and subresources."""
    assert expected == resolve(path, CATALOGUE)
    assert expected.kind is expected.served.kind


@pytest.mark.parametrize(
    "path",
    [
        "/", "/api", "/api/v1", "/apis", "/apis/eventing.knative.dev", V1, f"{V1}/things", f"{V1}/brokers/b",
        "/apis/eventing.knative.dev/v9/brokers", f"{V1}/namespaces/demo",
        f"{V1}/namespaces/demo/brokers/b/status/x", "/api/v1/namespaces/demo/configmaps/c/status",
        f"{V1}/namespaces//brokers", "/api/v1/namespaces/demo/namespaces", "/version",
    ],
)  # fmt: skip
def test_what_is_not_served_leads_nowhere(path: str) -> None:
    """Unknown groups, versions and kinds, subresources of core kinds that have none, and paths that are none."""
    assert resolve(path, CATALOGUE) is None


def test_a_kind_has_the_subresources_that_it_has() -> None:
    """A status where its fields have one, a scale where it says so."""
    assert subresources(SCALED) == ("status", "scale")
    assert subresources(CONFIG_MAP) == ()
