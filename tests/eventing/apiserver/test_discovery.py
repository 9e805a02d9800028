"""Discovery."""

from dataclasses import replace

from eventing.apiserver.discovery import Discovery, version_rank
from eventing.resources.broker import BROKER
from eventing.resources.core import CONFIG_MAP, NAMESPACE
from eventing.resources.kind import Scale, Version

SOURCE = replace(
    BROKER,
    group="sources.knative.dev",
    version="v1beta1",
    name="KafkaSource",
    plural="kafkasources",
    others=(Version("v1", BROKER.fields), Version("v1alpha1", BROKER.fields)),
    scale=Scale(".spec.consumers", ".status.consumers"),
    short_names=("ks",),
)
DISCOVERY = Discovery.of((NAMESPACE, CONFIG_MAP, BROKER, SOURCE), ())


def test_the_core_group_and_the_others_have_their_own_lists() -> None:
    """`/api` and `/apis`."""
    assert DISCOVERY.api_versions()["versions"] == ["v1"]
    assert [group["name"] for group in DISCOVERY.groups()["groups"]] == ["eventing.knative.dev", "sources.knative.dev"]


def test_the_most_stable_version_of_a_group_is_preferred() -> None:
    """Whatever is stored: clients look at the order."""
    group = DISCOVERY.group("sources.knative.dev")
    assert group is not None
    assert [one["version"] for one in group["versions"]] == ["v1", "v1beta1", "v1alpha1"]
    assert group["preferredVersion"] == {"groupVersion": "sources.knative.dev/v1", "version": "v1"}
    assert DISCOVERY.group("other") is None


def test_versions_sort_as_kubernetes_sorts_them() -> None:
    """Stable over beta over alpha, then by number; names that are no versions last."""
    names = ["v1alpha1", "v2", "v1beta2", "v1", "v1beta10", "other"]
    assert sorted(names, key=version_rank, reverse=True) == ["v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "other"]


def test_resources_are_listed_with_their_subresources() -> None:
    """Names, verbs, short names and categories, as `kubectl api-resources` shows them."""
    listed = DISCOVERY.resources("sources.knative.dev", "v1")
    assert listed is not None
    main, status, scale = listed["resources"]
    assert main["name"] == "kafkasources"
    assert main["singularName"] == "kafkasource"
    assert main["shortNames"] == ["ks"]
    assert main["categories"] == ["all", "knative", "eventing"]
    assert "deletecollection" in main["verbs"]
    assert status == {
        "name": "kafkasources/status",
        "singularName": "",
        "namespaced": True,
        "kind": "KafkaSource",
        "verbs": ["get", "patch", "update"],
    }
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
    assert DISCOVERY.resources("sources.knative.dev", "v9") is None


def test_a_kind_without_short_names_or_status_says_nothing_of_them() -> None:
    """Members that are empty are left out."""
    listed = DISCOVERY.resources("", "v1")
    assert listed is not None
    names = [one["name"] for one in listed["resources"]]
    assert names == ["namespaces", "namespaces/status", "configmaps"]
    assert "categories" not in listed["resources"][2]


def test_everything_can_be_had_at_once() -> None:
    """Aggregated discovery: what current clients ask for."""
    found = DISCOVERY.aggregated("apidiscovery.k8s.io/v2", is_core=False)
    assert (found["kind"], found["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    eventing, sources = found["items"]
    assert eventing["metadata"] == {"name": "eventing.knative.dev"}
    assert [version["version"] for version in sources["versions"]] == ["v1", "v1beta1", "v1alpha1"]
    resource = sources["versions"][0]["resources"][0]
    assert resource["responseKind"] == {"group": "sources.knative.dev", "version": "v1", "kind": "KafkaSource"}
    assert resource["scope"] == "Namespaced"
    assert [one["subresource"] for one in resource["subresources"]] == ["status", "scale"]
    core = DISCOVERY.aggregated("apidiscovery.k8s.io/v2beta1", is_core=True)
    assert core["items"][0]["metadata"] == {}
    configmaps = core["items"][0]["versions"][0]["resources"][1]
    assert "subresources" not in configmaps
    assert core["items"][0]["versions"][0]["resources"][0]["scope"] == "Cluster"


def test_reviews_and_definitions_are_served_besides() -> None:
    """Groups without stored kinds."""
    groups = [one["name"] for one in Discovery.of((BROKER,)).groups()["groups"]]
    assert groups == ["apiextensions.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "eventing.knative.dev"]
