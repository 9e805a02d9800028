"""The defaults of Channels, read from their ConfigMap's text."""

import pytest

from eventing.resources.channel_default import ChannelDefaults, channel_defaults_of
from eventing.resources.document import MalformedDocument
from eventing.resources.engine import CHANNEL_TYPES

TEXT = """
clusterDefault: {apiVersion: messaging.example.com/v1, kind: Wide}
namespaceDefaults:
  team: {apiVersion: messaging.example.com/v1, kind: Narrow, spec: {partitions: [1]}}
"""


def test_a_namespaces_template_comes_before_the_clusters() -> None:
    """Each namespace has one or none."""
    defaults = ChannelDefaults.parse(TEXT)
    narrow = {"apiVersion": "messaging.example.com/v1", "kind": "Narrow", "spec": {"partitions": [1]}}
    assert narrow == defaults.template("team")
    assert {"apiVersion": "messaging.example.com/v1", "kind": "Wide"} == defaults.template("other")


def test_a_template_is_a_copy() -> None:
    """Whoever gets it may write into it."""
    defaults = ChannelDefaults.parse(TEXT)
    first = defaults.template("team")
    assert first is not None
    first["spec"]["partitions"].append(2)
    assert defaults.template("team") != first


@pytest.mark.parametrize("text", ["{}", "namespaceDefaults: {}", "namespaceDefaults: {demo: {}}"])
def test_no_default_is_no_template(text: str) -> None:
    """Then a Channel must name its own."""
    assert ChannelDefaults.parse(text).template("demo") is None


@pytest.mark.parametrize("text", ["", "[", "[]", "clusterDefault: 1", "namespaceDefaults: {a: {kind: 1}}"])
def test_a_text_that_is_no_default_is_told(text: str) -> None:
    """By where it is wrong."""
    with pytest.raises(MalformedDocument):
        ChannelDefaults.parse(text)


def test_the_servers_own_defaults() -> None:
    """By the engine of its channels; in memory is Knative's own."""
    kinds = []
    for engine in CHANNEL_TYPES:
        template = channel_defaults_of(engine).template("")
        assert template is not None
        kinds.append((template["apiVersion"], template["kind"]))
    assert [*CHANNEL_TYPES.values()] == kinds
    assert ("messaging.knative.dev/v1", "InMemoryChannel") in kinds
