"""Brokers whose events rest on a server, which may be away, refuse, hang, fail later, and come back."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dispatcher.tasks import every
from eventing.app.process import running
from eventing.reconcilers import departure, opening
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.redis_stream_channel import REDIS_STREAM_CHANNEL
from tests.dispatcher.peer import Peer
from tests.e2e.manifests import broker, trigger
from tests.eventing.backend.small_backend import SmallServer, SmallWorld
from tests.eventing.reconcilers.test_backing_channel import conditions, of, subscription
from tests.eventing.stage import Stage, broker_key, config_map, eventually, staged

SERVERS = "kafka.test:9092"
KAFKA = "eventing.knative.dev/broker.class"
SECRET = Key("", "Secret", "default", "login")
TEMPLATE = "{apiVersion: messaging.knative.dev/v1alpha1, kind: RedisStreamChannel, spec: {address: 'redis://r.test'}}"


def kafka_broker(name: str = "b", config: str = "kafka", **annotations: str) -> Object:
    item = broker(name)
    item["metadata"]["annotations"] = {KAFKA: "Kafka", **annotations}
    item["spec"] = {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": config}}
    return item


def kafka_config(name: str = "kafka", servers: str = SERVERS, **more: str) -> Object:
    numbers = {"default.topic.partitions": "4", "default.topic.replication.factor": "1"}
    return config_map(name, **{"bootstrap.servers": servers, **numbers, **more})


def secret(**data: str) -> Object:
    encoded = {name.replace("_", "."): base64.b64encode(text.encode()).decode() for name, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": encoded}


def redis_broker(name: str = "b") -> tuple[Object, Object]:
    item = broker(name)
    item["spec"] = {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "redis"}}
    return config_map("redis", **{"channel-template-spec": TEMPLATE}), item


@asynccontextmanager
async def attended(world: SmallWorld, **settings: Any) -> AsyncIterator[Stage]:
    """A stage over these servers that follows the store, and looks at its channels all the time."""
    async with staged(create_backend=world.create, **settings) as stage:
        inspect = lambda: every(0.001, stage.controller.plane.inspect)  # noqa: E731
        async with running({"channels": stage.controller.attend, "health": inspect}), stage.following():
            yield stage


async def ready(stage: Stage, key: Key) -> tuple[str, str, str]:
    return (await conditions(stage, key))["Ready"]


async def until(stage: Stage, key: Key, status: str, reason: str = "") -> dict[str, tuple[str, str, str]]:
    """Its conditions, once Ready says that."""
    async with asyncio.timeout(10):
        while True:
            item = await stage.store.get(key)
            found = await conditions(stage, key) if "status" in item else {"Ready": ("", "", "")}
            if found["Ready"][0] == status and (not reason or found["Ready"][1] == reason):
                return found
            await asyncio.sleep(0.001)


@pytest.fixture
def server() -> SmallServer:
    return SmallServer()


async def test_a_kafka_broker_is_ready_in_knatives_words() -> None:
    """Its conditions, and what its ConfigMap said in its status; events are taken."""
    world = SmallWorld()
    async with attended(world) as stage:
        await stage.apply(kafka_config(**{"default.topic.config.retention.ms": "1"}), kafka_broker())
        found = await until(stage, broker_key(), "True")
        assert {
            "Addressable", "ConfigMapUpdated", "ConfigParsed", "DataPlaneAvailable", "DeadLetterSinkResolved",
            "EventPoliciesReady", "ProbeSucceeded", "Ready", "TopicReady",
        } == found.keys()  # fmt: skip
        assert ("True", "Topic knative-broker-default-b created", "") == found["TopicReady"]
        status = (await stage.store.get(broker_key()))["status"]
        assert {
            "bootstrap.servers": SERVERS,
            "default.topic": "knative-broker-default-b",
            "default.topic.partitions": "4",
            "default.topic.replication.factor": "1",
            "default.topic.config.retention.ms": "1",
        } == status["annotations"]
        assert "http://events.test/default/b" == status["address"]["url"]
        await stage.publish("1")


async def test_what_is_wrong_with_its_configuration_is_told_of_a_kafka_broker_and_mended() -> None:
    world = SmallWorld()
    async with attended(world) as stage:
        await stage.apply(kafka_broker())
        found = await until(stage, broker_key(), "False")
        words = 'failed to get configmap default/kafka: configmaps "kafka" not found'
        assert ("False", "ConfigInvalid", words) == found["ConfigParsed"]
        await stage.apply(kafka_config())
        await until(stage, broker_key(), "True")


async def test_a_multi_tenant_broker_rests_where_its_template_says() -> None:
    """With Knative's conditions of its class, and the kind of its channel in its status."""
    world = SmallWorld()
    async with attended(world) as stage:
        await stage.apply(*redis_broker())
        found = await until(stage, broker_key(), "True")
        assert {"IngressReady", "FilterReady", "TriggerChannelReady"} < found.keys()
        annotations = (await stage.store.get(broker_key()))["status"]["annotations"]
        assert "RedisStreamChannel" == annotations["knative.dev/channelKind"]
        assert ["redis://r.test"] == [*world.servers]


async def test_a_server_that_is_away_is_told_of_tried_again_and_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The condition says which one, and so does who asks at the door; it heals with nobody's help."""
    monkeypatch.setattr(opening, "WAIT_MIN_S", 0.001)
    world = SmallWorld()
    server = world.server("redis://r.test")
    server.is_away = True
    async with attended(world) as stage:
        await stage.apply(*redis_broker(), trigger("t", "http://127.0.0.1:9/"))
        found = await until(stage, broker_key(), "False")
        words = "redis://r.test: connection refused"
        assert ("False", "ServerUnavailable", words) == found["TriggerChannelReady"]
        assert (words, None) == (stage.broker().unready, stage.broker().channel)
        plane = stage.controller.plane
        assert (words, f"Broker default/b: {words}") == (plane.fault, plane.missing)
        server.is_away = False
        await until(stage, broker_key(), "True")
        await eventually(lambda: "t" in stage.broker().triggers)
        assert ("", "") == (plane.fault, plane.missing)


async def test_a_server_that_hangs_holds_up_no_other_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when it is opened, nor when it is deleted; an attempt has an end."""
    monkeypatch.setattr(opening, "OPEN_TIMEOUT_S", 0.02)
    world = SmallWorld()
    world.server("redis://r.test").hangs = True
    async with attended(world) as stage:
        await stage.apply(*redis_broker("slow"))
        assert "Unknown" == (await until(stage, broker_key("slow"), "Unknown"))["Ready"][0]
        assert "" == stage.controller.plane.missing, "it is on its way"
        await stage.apply(broker("quick"))
        await until(stage, broker_key("quick"), "True")
        found = await until(stage, broker_key("slow"), "False")
        assert ("ServerUnavailable", "redis://r.test does not answer within 0.02 s") == found["Ready"][1:]
        await stage.delete(broker_key("slow"))
        await stage.apply(broker("third"))
        await until(stage, broker_key("third"), "True")


async def test_a_fault_at_work_is_told_and_clears() -> None:
    """Of the server, or of that channel alone. Events go on to be offered; others are as they were."""
    world = SmallWorld()
    async with attended(world) as stage:
        await stage.apply(kafka_config(), kafka_broker(), kafka_broker("c"), trigger("t", "http://127.0.0.1:9/"))
        for name in ("b", "c"):
            await until(stage, broker_key(name), "True")
        server = world.server(SERVERS)
        (connection,) = server.connections
        connection.channels["default/b"].fault = "the topic is gone"
        found = await until(stage, broker_key(), "False")
        words = f"topics [knative-broker-default-b]: {SERVERS}: the topic is gone"
        assert ("False", "Topic is not present or invalid", words) == found["TopicReady"]
        assert "True" == (await ready(stage, broker_key("c")))[0]
        plane = stage.controller.plane
        assert ("", f"Broker default/b: {SERVERS}: the topic is gone") == (plane.fault, plane.missing)
        connection.channels["default/b"].fault = ""
        await until(stage, broker_key(), "True")
        server.is_away = True
        assert "connection refused" in (await until(stage, broker_key(), "False", "ServerUnavailable"))["Ready"][2]
        assert "connection refused" == plane.fault
        assert f"Broker default/b: {SERVERS}: connection refused; and 1 more" == plane.missing
        assert stage.broker().channel is not None
        server.is_away = False
        await until(stage, broker_key(), "True")


async def test_a_deleted_broker_leaves_nothing_there_however_long_it_takes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its successor waits for that, and the connection goes with the last one."""
    monkeypatch.setattr(departure, "WAIT_MIN_S", 0.001)
    monkeypatch.setattr(opening, "WAIT_MIN_S", 0.001)
    world = SmallWorld()
    async with attended(world) as stage:
        await stage.apply(*redis_broker())
        await until(stage, broker_key(), "True")
        server = world.server("redis://r.test")
        (connection,) = server.connections
        server.is_away = True
        await stage.delete(broker_key())
        await eventually(lambda: "as soon as that is back" in caplog.text)
        await stage.apply(*redis_broker())
        assert "Unknown" == (await until(stage, broker_key(), "Unknown"))["Ready"][0]
        server.is_away = False
        await until(stage, broker_key(), "True")
        assert ["default/b"] == server.dropped
        await stage.delete(broker_key())
        await eventually(lambda: not connection.is_open and len(server.dropped) == 2)


async def test_what_could_not_be_dropped_before_the_end_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is forgotten without a word."""
    world = SmallWorld()
    async with attended(world) as stage:
        await stage.apply(*redis_broker())
        await until(stage, broker_key(), "True")
        world.server("redis://r.test").is_away = True
        await stage.delete(broker_key())
        await eventually(lambda: "as soon as that is back" in caplog.text)
    assert "default/b was deleted, and what it held is left at redis://r.test" in caplog.text


async def test_a_secret_that_changes_changes_the_login() -> None:
    """At once, and the Broker stays Ready; one that goes, or is of no use, is told, and the Broker works on."""
    world = SmallWorld()
    config = kafka_config(**{"auth.secret.ref.name": "login"})
    sasl = {"protocol": "SASL_PLAINTEXT", "user": "u"}
    async with attended(world) as stage:
        await stage.apply(config, kafka_broker())
        found = await until(stage, broker_key(), "False")
        assert ("False", "SecretNotFound") == found["ConfigParsed"][:2]
        await stage.apply(secret(password="1", **sasl))
        await until(stage, broker_key(), "True")
        (connection,) = world.server(SERVERS).connections
        await stage.apply(secret(password="2", **sasl))
        await eventually(lambda: ["1", "2"] == [one.password for one in connection.logins if one])
        await until(stage, broker_key(), "True")
        await stage.apply(secret(**sasl))
        found = await until(stage, broker_key(), "False")
        words = "secret default/login: [protocol SASL_PLAINTEXT] SASL password required (key: password)"
        assert ("False", "SecretInvalid", words) == found["ConfigParsed"]
        await stage.publish("1")
        await stage.delete(SECRET)
        await until(stage, broker_key(), "False", "SecretNotFound")
        await stage.apply(secret(password="3", **sasl))
        await until(stage, broker_key(), "True")
        await eventually(lambda: "3" == (connection.logins[-1] or connection.logins[0]).password)


async def test_another_address_is_another_place() -> None:
    """What was left at the first is left there; the connection to it ends."""
    world = SmallWorld()
    async with attended(world) as stage:
        await stage.apply(kafka_config(), kafka_broker())
        await until(stage, broker_key(), "True")
        await stage.apply(kafka_config(servers="other:1"))
        await eventually(lambda: "default/b" in _channels(world, "other:1"))
        await until(stage, broker_key(), "True")
        await eventually(lambda: not world.server(SERVERS).connections[0].is_open)
        assert [] == world.server(SERVERS).dropped
        await stage.publish("1")


async def test_a_subscription_is_there_before_the_first_event_is_read() -> None:
    """It knows its channel when that is open, and nothing is read before."""
    world = SmallWorld()
    item = of(REDIS_STREAM_CHANNEL, address="redis://r.test")
    async with Peer([]) as peer, attended(world) as stage:
        url = f"http://127.0.0.1:{peer.port}"
        await stage.apply(item, subscription("s", item, subscriber={"uri": url}))
        found = await until(stage, key_of(item), "True")
        assert ("True", "", "") == found["StreamReady"]
        served = stage.controller.brokers[key_of(item)]
        await eventually(lambda: "s" in served.broker.triggers)
        assert "redis" == stage.overview.brokers()[0].channel


def _channels(world: SmallWorld, address: str) -> list[str]:
    return [name for one in world.server(address).connections for name in one.channels]
