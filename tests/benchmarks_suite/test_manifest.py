"""The manifests of the scenarios, read as the server reads them."""

import pytest

from dispatcher.manner import Manner, Order
from eventing.resources.admission import admit
from eventing.resources.broker import BROKER, Broker
from eventing.resources.broker_channel import choose_channel
from eventing.resources.engine import Engine, EngineDefaults, Kafka, Redis
from eventing.resources.identity import key_of
from eventing.resources.kind import Context
from eventing.resources.trigger_manner import manner_of
from tests.benchmarks import manifest
from tests.benchmarks.engine import TOPIC
from tests.benchmarks.manifest import Document


def engine(documents: list[Document]) -> Engine:
    """Where the events of the scenario's Broker rest, in a server whose default is the journal."""
    objects = {key_of(document): document for document in documents}
    (broker,) = (document for document in documents if document["kind"] == "Broker")
    view = Broker.of(admit(BROKER.served, broker, context=Context()).item)
    return choose_channel(view, objects.get, EngineDefaults("journal"))


def test_only_the_rows_of_the_journal_rest_there() -> None:
    """The channel of a row is what its title says, whatever the server's default is."""
    assert engine(manifest.in_memory(manifest.none())).name == "memory"
    assert engine(manifest.journalled(manifest.none())).name == "journal"


def test_the_rows_of_a_server_rest_on_that_one() -> None:
    """At the address that it was given, in the topic that producers write."""
    redis = engine(manifest.on_redis("redis://127.0.0.1:7000", manifest.none()))
    assert isinstance(redis, Redis)
    assert redis.server.address == "redis://127.0.0.1:7000"
    kafka = engine(manifest.on_kafka("127.0.0.1:9000", manifest.none()))
    assert isinstance(kafka, Kafka)
    assert (kafka.server.address, kafka.topic.name) == ("127.0.0.1:9000", TOPIC)
    assert (kafka.topic.partitions, kafka.topic.replication_factor) == (manifest.PARTITIONS, 1)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [({}, Manner()), (manifest.ORDERED, Manner(order=Order())), (manifest.PAUSED, Manner(is_paused=True))],
)
def test_an_annotation_says_how_the_trigger_wants_its_events(annotations: dict[str, str], expected: Manner) -> None:
    """A misspelt one would be ignored, and its row would measure something else."""
    (trigger,) = manifest.one(8080, annotations=annotations)
    assert expected == manner_of(trigger)
