"""Sources: their EventTypes follow their sinks. What else a source says is among the recordings."""

from typing import Any

import pytest

from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.identity import Key, Object
from eventing.resources.kafka_source import KAFKA_SOURCE
from eventing.resources.ping_source import PING_SOURCE
from tests.e2e.manifests import broker, broker_ref
from tests.eventing.stage import Stage, staged

PING = PING_SOURCE.key("default", "p")


def ping(sink: Object) -> Object:
    spec = {"sink": sink}
    return {"apiVersion": PING_SOURCE.api_version, "kind": "PingSource", "metadata": {"name": "p"}, "spec": spec}


async def event_types(stage: Stage) -> list[Object]:
    return [*(await stage.store.list(EVENT_TYPE.group_kind)).items]


async def test_an_event_type_follows_the_sink_and_keeps_what_others_wrote() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), broker("c"), ping(broker_ref("b")))
        (first,) = await event_types(stage)
        labels = {**first["metadata"]["labels"], "mine": "1"}
        await stage.store.update({**first, "metadata": {**first["metadata"], "labels": labels}})
        await stage.reconcile(ping(broker_ref("c")))
        (second,) = await event_types(stage)
        assert ("b", "c") == (first["spec"]["reference"]["name"], second["spec"]["reference"]["name"])
        assert labels == second["metadata"]["labels"]
        assert first["metadata"]["uid"] == second["metadata"]["uid"]


async def test_an_event_type_goes_with_its_source_and_comes_back_when_deleted() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), ping(broker_ref("b")))
        (made,) = await event_types(stage)
        await stage.delete(EVENT_TYPE.key("default", made["metadata"]["name"]))
        await stage.reconcile()
        assert [made["metadata"]["name"]] == [one["metadata"]["name"] for one in await event_types(stage)]
        await stage.delete(PING)
        await stage.reconcile()
        assert [] == await event_types(stage)


async def test_a_source_without_its_sink_says_where_that_was_looked_for_and_has_no_uri() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), ping(broker_ref("b")))
        assert "http://events.test/default/b" == (await stage.store.get(PING))["status"]["sinkUri"]
        await stage.delete(Key("eventing.knative.dev", "Broker", "default", "b"))
        await stage.reconcile()
        status = (await stage.store.get(PING))["status"]
        words = 'failed to get object default/b: brokers.eventing.knative.dev "b" not found'
        provided = next(one for one in status["conditions"] if one["type"] == "SinkProvided")
        assert ("False", "NotFound", words) == (provided["status"], provided["reason"], provided["message"])
        assert "sinkUri" not in status


@pytest.mark.parametrize("sink", [{"uri": "http://a.test/in"}])
async def test_a_kafka_source_has_a_sink_and_nobody_who_reads(sink: dict[str, Any]) -> None:
    """Its types are known to whoever reads: no EventType is made of it."""
    spec = {"sink": sink, "topics": ["t"], "bootstrapServers": ["k.test:9092"]}
    item = {"apiVersion": KAFKA_SOURCE.api_version, "kind": "KafkaSource", "metadata": {"name": "k"}, "spec": spec}
    async with staged() as stage:
        await stage.reconcile(item)
        status = (await stage.store.get(KAFKA_SOURCE.key("default", "k")))["status"]
        found = {one["type"]: (one["status"], one.get("reason", "")) for one in status["conditions"]}
        assert {
            "ConsumerGroup": ("False", "DeploymentUnavailable"),
            "Ready": ("False", "DeploymentUnavailable"),
            "SinkProvided": ("True", ""),
        } == found
        assert [] == await event_types(stage)
