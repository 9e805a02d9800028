"""Which channel a Broker's events rest in, against what Knative's Broker said of the same ConfigMaps."""

import json
from pathlib import Path
from typing import Any

import pytest

from eventing.errors import ResolutionError
from eventing.resources.admission import admit
from eventing.resources.broker import BROKER, Broker
from eventing.resources.broker_channel import choose_channel
from eventing.resources.broker_default import BrokerDefaults
from eventing.resources.engine import EngineDefaults, Journal, Kafka, Memory, Redis, ServerKey, Topic
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import Context
from eventing.resources.retention import Retention

RECORDINGS = Path(__file__).parents[4] / "shared" / "conformance" / "knative"
JOURNAL, MEMORY = EngineDefaults("journal"), EngineDefaults("memory")
PREFIX = "Error on setting up the ChannelTemplate: "


def scenario(name: str) -> dict[str, Any]:
    scenarios = json.loads((RECORDINGS / "conditions.json").read_text())
    return next(one for one in scenarios if name in (one.get("name"), one.get("scenario")))


UNUSABLE = scenario("Brokers with configs that are not usable")
OBJECTS: dict[Key, Object] = {key_of(step["object"]): step["object"] for step in UNUSABLE["steps"] if "object" in step}


def recorded(name: str) -> dict[str, Any]:
    """TriggerChannelReady of that Broker, when all had settled."""
    states = [
        step["objects"][f"Broker/{name}"] for step in UNUSABLE["steps"] if f"Broker/{name}" in step.get("objects", {})
    ]
    conditions = states[-1]["status"]["conditions"]
    return next(condition for condition in conditions if condition["type"] == "TriggerChannelReady")


def view(item: Object, context: Context | None = None) -> Broker:
    return Broker.of(admit(BROKER.served, item, context=context or Context()).item)


def broker(**metadata: Any) -> Object:
    full = {"name": "b", "namespace": "demo", **metadata}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": full}


def named(name: str) -> Broker:
    return view(OBJECTS[Key("eventing.knative.dev", "Broker", "broker-bad-config", name)])


@pytest.mark.parametrize("name", ["empty", "secret-config"])
def test_what_is_not_usable_is_told_as_recorded(name: str) -> None:
    """The same reason and the same words."""
    with pytest.raises(ResolutionError) as caught:
        choose_channel(named(name), OBJECTS.get, JOURNAL)
    expected = recorded(name)
    assert (caught.value.reason, caught.value.message) == (expected["reason"], expected["message"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bad-yaml", "ConfigMap's value could not be converted to JSON. yaml: "),
        ("no-kind", "the server has no channel of kind None in messaging.knative.dev/v1; it has InMemoryChannel"),
        ("unknown-kind", "the server has no channel of kind Nope in messaging.example.com/v1; it has InMemoryChannel"),
    ],
)
def test_a_template_nobody_can_use_is_told_with_what_could(name: str, words: str) -> None:
    """The same reason as recorded; the words name the kind, which Knative's do not, and are not its parser's."""
    with pytest.raises(ResolutionError) as caught:
        choose_channel(named(name), OBJECTS.get, JOURNAL)
    assert caught.value.reason == recorded(name)["reason"]
    assert caught.value.message.startswith(PREFIX + words)


@pytest.mark.parametrize(("name", "spec"), [("old-key", {}), ("with-spec", {"delivery": {"retry": 5}})])
def test_a_template_of_an_in_memory_channel_is_memory(name: str, spec: dict[str, Any]) -> None:
    """Under either key; its spec comes along."""
    assert recorded(name)["status"] == "True"
    assert choose_channel(named(name), OBJECTS.get, JOURNAL) == Memory()


def test_a_missing_config_map_is_told_as_recorded() -> None:
    """Kubernetes' words for what is not there."""
    steps = scenario("Broker whose config ConfigMap does not exist; created later")["steps"]
    after = next(step["objects"]["Broker/default"] for step in steps if "Broker/default" in step.get("objects", {}))
    expected = next(one for one in after["status"]["conditions"] if one["type"] == "TriggerChannelReady")
    with pytest.raises(ResolutionError) as caught:
        choose_channel(view(steps[0]["object"]), {}.get, JOURNAL)
    assert (caught.value.reason, caught.value.message) == (expected["reason"], expected["message"])


def test_a_template_of_a_journal_channel_is_the_journal() -> None:
    """Also where the server's default is another."""
    key = Key("", "ConfigMap", "knative-eventing", "config-br-default-channel")
    text = "{apiVersion: messaging.knative.dev/v1alpha1, kind: JournalChannel}"
    objects = {key: {"data": {"channel-template-spec": text}}}
    assert Journal() == choose_channel(view(broker()), objects.get, MEMORY)


def test_the_shipped_config_map_need_not_exist() -> None:
    """A Broker of which nothing is said works in an empty store; where the ConfigMap is there it counts."""
    assert choose_channel(view(broker()), {}.get, JOURNAL) == Journal()
    key = Key("", "ConfigMap", "knative-eventing", "config-br-default-channel")
    with pytest.raises(ResolutionError, match="empty or missing value for config"):
        choose_channel(view(broker()), {key: {"data": {}}}.get, JOURNAL)


def test_a_broker_without_a_config_gets_the_servers_default() -> None:
    """Defaults may leave the config open."""
    bare = view(broker(), Context(broker_defaults=BrokerDefaults({})))
    assert choose_channel(bare, {}.get, JOURNAL) == Journal()
    assert choose_channel(bare, {}.get, MEMORY) == Memory()


@pytest.mark.parametrize("text", ["[]", "x", "spec: 1", "# nothing"])
def test_a_template_is_a_map(text: str) -> None:
    """Whatever else the text holds is told."""
    key = Key("", "ConfigMap", "knative-eventing", "config-br-default-channel")
    with pytest.raises(ResolutionError, match="must be a map of apiVersion, kind and spec"):
        choose_channel(view(broker()), {key: {"data": {"channel-template-spec": text}}}.get, JOURNAL)


@pytest.mark.parametrize("name", ["KafkaNamespaced", "Custom"])
def test_a_class_that_is_not_here_is_told(name: str) -> None:
    """With the class that is."""
    annotations = {"eventing.knative.dev/broker.class": name}
    with pytest.raises(ResolutionError, match=f"'{name}' is not available in this server; use MTChannel") as caught:
        choose_channel(view(broker(annotations=annotations)), {}.get, JOURNAL)
    assert caught.value.reason == "BrokerClassNotAvailable"


def _template(text: str) -> dict[Key, Object]:
    key = Key("", "ConfigMap", "knative-eventing", "config-br-default-channel")
    return {key: {"data": {"channel-template-spec": text}}}


def test_templates_of_channels_on_servers_take_their_spec_with_the_kinds_defaults() -> None:
    """A topic is named as the one of the channel that Knative makes."""
    text = "{apiVersion: messaging.knative.dev/v1alpha1, kind: RedisStreamChannel, spec: {address: 'redis://r'}}"
    found = choose_channel(view(broker()), _template(text).get, MEMORY)
    assert Redis(ServerKey("redis", "redis://r")) == found
    for version in ("v1beta1", "v1"):
        text = f"{{apiVersion: messaging.knative.dev/{version}, kind: KafkaChannel, spec: {{numPartitions: 3}}}}"
        found = choose_channel(view(broker()), _template(text).get, MEMORY)
        topic = Topic("knative-messaging-kafka.demo.b-kne-trigger", 3, 1, {"retention.ms": "604800000"})
        assert Kafka(MEMORY.kafka, topic) == found
    text = "{apiVersion: messaging.knative.dev/v1alpha1, kind: JournalChannel, spec: {retention: PT5S}}"
    assert Journal(Retention(5.0)) == choose_channel(view(broker()), _template(text).get, MEMORY)


def test_a_template_that_its_kind_refuses_is_told_with_the_field() -> None:
    text = "{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, spec: {numPartitions: 0}}"
    with pytest.raises(ResolutionError, match=r"spec\.numPartitions: invalid value: 0"):
        choose_channel(view(broker()), _template(text).get, MEMORY)


def test_a_broker_of_class_kafka_has_a_topic() -> None:
    """Whatever the default of the other class is."""
    annotations = {"eventing.knative.dev/broker.class": "Kafka"}
    found = choose_channel(view(broker(annotations=annotations)), {}.get, JOURNAL)
    assert Kafka(JOURNAL.kafka, Topic("knative-broker-demo-b", 10, 3)) == found
