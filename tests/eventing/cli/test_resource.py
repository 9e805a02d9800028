"""What a type, a name and a list of them mean, against a server's discovery."""

from collections.abc import Iterator

import pytest
import typer

from eventing.cli.output import Failure
from eventing.cli.resource import Api, Resource, opened, targets
from tests.eventing.cli.api import serving


@pytest.fixture(scope="module")
def discovered() -> Iterator[Api]:
    """A client of a real server."""
    with serving() as server, opened(server.url) as api:
        yield api


@pytest.mark.parametrize(
    "word",
    [
        "brokers",
        "broker",
        "Broker",
        "brokers.eventing.knative.dev",
        "broker.eventing",
        "broker.v1.eventing.knative.dev",
    ],
)
def test_a_kind_has_many_names(discovered: Api, word: str) -> None:
    """Plural, singular, in any case, and the group or a part of it."""
    assert ["broker.eventing.knative.dev"] == [one.qualified for one in discovered.find(word)]


@pytest.mark.parametrize(("word", "plural"), [("imc", "inmemorychannels"), ("cm", "configmaps"), ("svc", "services")])
def test_short_names_are_the_servers(discovered: Api, word: str, plural: str) -> None:
    assert [plural] == [one.plural for one in discovered.find(word)]


def test_a_category_is_all_that_are_in_it(discovered: Api) -> None:
    """And a list with commas is each of its words, in their order."""
    found = {one.kind for one in discovered.find("eventing")}
    assert {"Broker", "Trigger"} <= found
    assert "ConfigMap" not in found
    assert ["Trigger", "Broker"] == [one.kind for one in discovered.find("triggers,brokers")]


@pytest.mark.parametrize("word", ["nope", "brokers.other.dev", "brokers,nope", ""])
def test_what_the_server_does_not_have_is_told(discovered: Api, word: str) -> None:
    with pytest.raises(Failure, match="the server doesn't have a resource type"):
        discovered.find(word)


def test_an_object_is_of_the_version_it_is_written_in(discovered: Api) -> None:
    """Not of the one that the server prefers."""
    item = {"apiVersion": "eventing.knative.dev/v1beta2", "kind": "EventType"}
    assert "eventing.knative.dev/v1beta2" == discovered.of(item).api_version
    with pytest.raises(Failure, match=r'no matches for kind "EventType" in version "eventing.knative.dev/v9"'):
        discovered.of({**item, "apiVersion": "eventing.knative.dev/v9"})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cm"], [("ConfigMap", None)]),
        (["cm", "a", "b"], [("ConfigMap", "a"), ("ConfigMap", "b")]),
        (["cm/a", "broker/b"], [("ConfigMap", "a"), ("Broker", "b")]),
        (["cm,brokers", "a"], [("ConfigMap", "a"), ("Broker", "a")]),
    ],
)
def test_words_name_objects(discovered: Api, words: list[str], expected: list[tuple[str, str | None]]) -> None:
    assert expected == [(resource.kind, name) for resource, name in targets(discovered, words)]


@pytest.mark.parametrize(
    ("words", "selector"), [([], None), (["cm/a", "b"], None), (["cm", "a"], "x=y"), (["cm/a"], "x")]
)
def test_words_that_go_against_each_other_are_misuse(discovered: Api, words: list[str], selector: str | None) -> None:
    with pytest.raises(typer.BadParameter):
        targets(discovered, words, selector)


def test_paths_are_the_apis() -> None:
    """A name cannot lead out of its place."""
    broker = Resource("g.dev", "v1", "brokers", "broker", "Broker", (), (), is_namespaced=True, verbs=())
    assert "/apis/g.dev/v1/namespaces/n/brokers/a%2Fb" == broker.path("n", "a/b")
    assert "/apis/g.dev/v1/brokers" == broker.path(None)
    core = Resource("", "v1", "namespaces", "namespace", "Namespace", (), (), is_namespaced=False, verbs=())
    assert "/api/v1/namespaces/n" == core.path("ignored", "n")
    assert ("namespace/n", "broker.g.dev/b") == (core.title("n"), broker.title("b"))
