"""The kinds of the server, and what holds for each of them."""

import pytest

from eventing.resources.catalogue import KINDS, Catalogue
from eventing.resources.identity import GroupKind
from eventing.resources.kind import Kind
from eventing.resources.schema import Node


def nodes(node: Node) -> list[Node]:
    children = [*node.properties.values(), *([node.items] if node.items else [])]
    return [node, *(below for child in children for below in nodes(child))]


def test_a_kind_is_found_in_the_versions_it_has() -> None:
    """Not in others, and not by its plural."""
    catalogue = Catalogue()
    trigger = catalogue.find("eventing.knative.dev/v1", "Trigger")
    assert trigger is not None
    assert (trigger.plural, trigger.api_version) == ("triggers", "eventing.knative.dev/v1")
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
    """Arrays know their items, required fields are declared, Knative's kinds are in its category and have a status."""
    for node in (below for field in kind.fields.values() for below in nodes(field)):
        assert node.type != "array" or node.items is not None
        assert set(node.required) <= set(node.properties)
    if kind.is_knative:
        assert {"all", "knative", "eventing"} == set(kind.categories)
        assert {"spec", "status"} == set(kind.fields)
        assert "conditions" in kind.fields["status"].properties


def test_a_key_has_a_namespace_where_its_kind_has() -> None:
    """The namespace of a cluster's object is dropped."""
    keys = {kind.name: str(kind.key("demo", "x")) for kind in KINDS}
    assert (keys["Namespace"], keys["Service"]) == ("Namespace x", "Service demo/x")
