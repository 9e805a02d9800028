"""The kinds of the server, and what holds for each of them."""

import pytest

from eventing.resources.admission import object_node
from eventing.resources.catalogue import KINDS, Catalogue
from eventing.resources.identity import GroupKind
from eventing.resources.kind import Kind
from eventing.resources.schema import Node


def nodes(node: Node) -> list[Node]:
    children = [*node.properties.values(), *([node.items] if node.items else [])]
    return [node, *(below for child in children for below in nodes(child))]


def undescribed(node: Node, path: str) -> list[str]:
    """The paths of fields that do not say what they mean. Items need not: the list or map that holds them does."""
    below = [
        found
        for name, field in node.properties.items()
        for found in [*([] if field.description else [f"{path}.{name}"]), *undescribed(field, f"{path}.{name}")]
    ]
    return below + (undescribed(node.items, f"{path}.*") if node.items else [])


def test_a_kind_is_found_in_the_versions_it_has() -> None:
    """Not in others, and not by its plural."""
    catalogue = Catalogue()
    trigger = catalogue.find("eventing.knative.dev/v1", "Trigger")
    assert trigger is not None
    assert (trigger.kind.plural, trigger.api_version) == ("triggers", "eventing.knative.dev/v1")
    for api_version, name in (("eventing.knative.dev/v1beta1", "Trigger"), ("v1", "Trigger"), ("v1", "services")):
        assert catalogue.find(api_version, name) is None


def test_what_is_referred_to_comes_first() -> None:
    """Namespaces before what is in them, a ConfigMap before a Broker, a Broker before its Triggers."""
    catalogue = Catalogue()
    order = [
        GroupKind("", "Namespace"),
        GroupKind("", "ConfigMap"),
        *(GroupKind("eventing.knative.dev", k) for k in ("Broker", "Trigger")),
    ]
    ranks = [catalogue.rank(group_kind) for group_kind in order]
    assert ranks == sorted(ranks)
    assert [kind.name for kind in catalogue] == [kind.name for kind in KINDS]


def test_names_are_unique() -> None:
    """`kubectl` finds a kind by its plural, its name or a short name."""
    names = [name for kind in KINDS for name in (kind.plural, kind.name.lower(), *kind.short_names)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_definition_is_sound(kind: Kind) -> None:
    """Arrays know their items, required fields are declared, Knative's are in its categories and have a status."""
    for node in (below for field in kind.fields.values() for below in nodes(field)):
        assert node.type != "array" or node.items is not None
        assert set(node.required) <= set(node.properties)
    if kind.is_knative:
        assert {"all", "knative"} < set(kind.categories)
        assert {"spec", "status"} == set(kind.fields)
        assert "conditions" in kind.fields["status"].properties


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_definition_says_what_everything_means(kind: Kind) -> None:
    """The kind, and each of its fields in each version: `kubectl explain` and the reference show it."""
    assert kind.description
    found = [path for version in kind.versions for path in undescribed(object_node(version), version.name)]
    assert found == []


def test_a_key_has_a_namespace_where_its_kind_has() -> None:
    """The namespace of a cluster's object is dropped."""
    keys = {kind.name: str(kind.key("demo", "x")) for kind in KINDS}
    assert (keys["Namespace"], keys["Service"]) == ("Namespace x", "Service demo/x")
