"""What stands in the page about Kafka, against what the cluster sees: who writes ACLs goes by the page."""

from types import SimpleNamespace
from typing import Any

from channels.kafka import Topic
from channels.kafka.cluster import DEAD_LETTER_TOPIC
from dispatcher.fanout import GROUP
from dispatcher.own_group import GROUP_PREFIX
from eventing.resources.identity import Key
from eventing.resources.kafka_config import broker_topic, channel_topic
from eventing.resources.trigger_manner import START_ANNOTATION
from tests.docs.page import code, first_column, page, section

PAGE = page("docs/kafka.md")
TOPIC = Topic("TOPIC")
BROKER: Any = SimpleNamespace(key=Key("eventing.knative.dev", "Broker", "NAMESPACE", "NAME"))
NAMES = {broker_topic(BROKER), channel_topic("NAMESPACE", "NAME"), DEAD_LETTER_TOPIC}


def test_every_group_stands_there_by_its_name() -> None:
    """And no other."""
    told = {word for word in code(section(PAGE, "Topics")) if word.startswith("TOPIC.")}
    assert {TOPIC.group(GROUP), TOPIC.group(f"{GROUP_PREFIX}TRIGGER")} == told


def test_every_topic_stands_there_by_its_name() -> None:
    """Those of Brokers and channels, what is beside them, and the cluster's own."""
    told = first_column(section(PAGE, "Topics"))
    assert NAMES | {TOPIC.state.removeprefix(TOPIC.name)} == told


def test_what_the_rights_are_given_for_begins_the_names_of_all_topics() -> None:
    """Groups begin with their topic's name."""
    told = section(PAGE, "Topics").partition("for prefix in ")[2].partition(";")[0].split()
    assert [] == [name for name in NAMES if not name.startswith(tuple(told))]
    assert TOPIC.group(GROUP).startswith(TOPIC.name)


def test_who_comes_from_knative_is_told_where_a_trigger_starts() -> None:
    """By the annotation that is read."""
    assert START_ANNOTATION in code(section(PAGE, "Coming from Knative's Kafka Broker"))
