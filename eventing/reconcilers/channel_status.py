"""What a Broker or Channel says of the channel its events rest in, by engine, in Knative's words.

Source: the conditions of Knative's multi-tenant Broker, and those of eventing-kafka-broker's Brokers and KafkaChannels.
"""

from typing import Final

from eventing.errors import ResolutionError
from eventing.reconcilers.opening import CHANNEL_FAILED, OPENING
from eventing.reconcilers.served import Readiness
from eventing.reconcilers.status import Draft
from eventing.resources.condition import Status
from eventing.resources.engine import Kafka

TOPIC_INVALID: Final = "Topic is not present or invalid"
KAFKA_ADDRESSABLE: Final = ("Addressable", "ConfigMapUpdated", "ProbeSucceeded")
"""What is True once a topic is, for there is nothing between: no map to write, and nobody else to probe."""


def mark_channel(draft: Draft, condition: str, readiness: Readiness) -> None:
    """One condition is about the channel: False while it is not to be had, Unknown until that is known."""
    if readiness.ready:
        draft.mark(condition)
    else:
        status: Status = "Unknown" if readiness.reason == OPENING else "False"
        draft.mark(condition, status, readiness.reason, readiness.message)


def mark_topic(draft: Draft, engine: Kafka | None, fault: ResolutionError | None, readiness: Readiness) -> None:
    """The conditions about a Kafka topic. `fault` is what is wrong with the configuration; without it the engine is
    known.
    """
    draft.mark("DataPlaneAvailable")
    if fault is not None:
        draft.fail("ConfigParsed", fault)
        return
    draft.mark("ConfigParsed")
    if engine is None:
        return
    draft.put("annotations", _annotations(engine))
    if readiness.ready:
        draft.mark("TopicReady", "True", f"Topic {engine.topic.name} created")
        for name in KAFKA_ADDRESSABLE:
            draft.mark(name)
    elif readiness.reason == CHANNEL_FAILED:
        message = f"topics [{engine.topic.name}]: {readiness.message}"
        draft.mark("TopicReady", "False", TOPIC_INVALID, message)
    else:
        mark_channel(draft, "TopicReady", readiness)


def is_opening(readiness: Readiness) -> bool:
    """Nobody knows yet whether the channel can be had: that is nothing to tell of."""
    return readiness.reason == OPENING


def _annotations(engine: Kafka) -> dict[str, str]:
    """As Knative has them: what the ConfigMap said, and which topic that gave."""
    topic, secret = engine.topic, engine.server.secret
    annotations = {
        "bootstrap.servers": engine.server.address,
        "default.topic": topic.name,
        "default.topic.partitions": str(topic.partitions),
        "default.topic.replication.factor": str(topic.replication_factor),
    }
    if secret is not None:
        annotations["auth.secret.ref.name"] = secret.name
    return annotations | {f"default.topic.config.{name}": value for name, value in sorted(topic.config.items())}
