"""docs/conditions.md against what reconcilers say: all that they were seen to say, and all they depend on."""

import re

import pytest

from eventing.reconcilers import channel, channel_status, opening, plane, source, turn
from eventing.reconcilers.recorder import EVENTS_MAX
from eventing.resources import (
    api_server_source,
    broker,
    broker_channel,
    container_source,
    github_source,
    in_memory_channel,
    kafka_channel,
    kafka_config,
    kafka_source,
    login,
    ping_source,
    redis_stream_channel,
    sink_binding,
    subscribable,
    subscription,
    trigger,
)
from eventing.resources.condition import READY
from tests.docs.page import code, page, rows, section
from tests.eventing.reconcilers.recorded import ours
from tests.eventing.reconcilers.test_recorded_conditions import DIFFERENCES, REPLAYED, SCENARIOS

PAGE = page("docs/conditions.md")
REASONS = {one for row in rows(section(PAGE, "Reasons")) for one in code(row[0])}
TOLD = {one for row in rows(section(PAGE, "Events")) for one in code(row[0])}
CONDITIONS = {
    "Broker": broker.CONDITIONS,
    "Broker of class Kafka": broker.KAFKA_CONDITIONS,
    "RedisStreamChannel": redis_stream_channel.CONDITIONS,
    "KafkaChannel": kafka_channel.CONDITIONS,
    "Trigger": trigger.CONDITIONS,
    "Channel": channel.CONDITIONS,
    "InMemoryChannel": in_memory_channel.CONDITIONS,
    "JournalChannel": subscribable.CONDITIONS,
    "Subscription": subscription.CONDITIONS,
    "PingSource": ping_source.CONDITIONS,
    "ApiServerSource": api_server_source.CONDITIONS,
    "ContainerSource": container_source.CONDITIONS,
    "SinkBinding": sink_binding.CONDITIONS,
    "KafkaSource": kafka_source.CONDITIONS,
    "GitHubSource": github_source.CONDITIONS,
    "EventType": ("ReferenceExists",),
}
KNATIVE_SENTENCE = "Backing Channel"
"""How a reason of Knative's begins that is a sentence with a name in it, and stands beside one that is on the page."""


def test_the_conditions_of_each_kind_are_the_codes() -> None:
    told = {row[0].replace("`", ""): sorted(code(row[1])) for row in rows(section(PAGE, "What Ready depends on"))}
    assert {kind: sorted(names) for kind, names in CONDITIONS.items()} == told


@pytest.mark.parametrize("name", REPLAYED)
async def test_every_reason_that_is_given_is_explained(name: str) -> None:
    """Of conditions and of Events, in all that is replayed of Knative's recordings."""
    facts = await ours(SCENARIOS[name])
    given = {one for text in facts.values() for one in re.findall(r'"reason": "([^"]+)"', text)}
    assert set() == {one for one in given if not one.startswith(KNATIVE_SENTENCE)} - REASONS
    events = {fact.rpartition(" ")[2] for fact in facts if fact.startswith("events > ")}
    assert set() == events - TOLD


def test_reasons_that_no_recording_gives_are_explained_too() -> None:
    named = {
        channel_status.TOPIC_INVALID,
        kafka_config.CONFIG_INVALID,
        login.SECRET_INVALID,
        login.SECRET_NOT_FOUND,
        opening.CHANNEL_FAILED,
        opening.OPENING,
        opening.SERVER_UNAVAILABLE,
        broker_channel.CLASS_NOT_AVAILABLE,
        channel.INVALID_TEMPLATE,
        channel.UNKNOWN_KIND,
        plane.NAME_TAKEN,
        source.SUBJECT_MISSING,
        source.UNAVAILABLE,
        "ListerDoesNotExist",
        "GenerationNotEqual",
    }
    assert named <= REASONS
    assert turn.INTERNAL_ERROR in TOLD
    assert READY not in REASONS


def test_every_difference_is_told() -> None:
    """In the words of the table that the replays go by."""
    told = re.findall(r"^- (.+)\.$", section(PAGE, "What differs from Knative's controllers"), re.MULTILINE)
    assert [reason[0].upper() + reason[1:] for reason in DIFFERENCES] == told


def test_the_bound_of_events_is_the_codes() -> None:
    assert f"the last {EVENTS_MAX}" in section(PAGE, "Events")
