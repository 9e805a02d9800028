"""A Broker of class Kafka, on a real cluster: from the YAML to the sink, through its faults, to its end."""

import asyncio
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from tests.e2e.manifests import Item, broker, to_yaml, trigger
from tests.e2e.process import Server, Sink, running, wait_until
from tests.e2e.remote import apply, conditions, config_map, delete_broker, post_until, secret, wait_ready
from tests.rig.kafka import PASSWORD, USER, Kafka

NOBODY = "http://127.0.0.1:9/"


def resources(servers: str, name: str = "b", auth: str = "", **annotations: str) -> tuple[Item, Item]:
    numbers = {"default.topic.partitions": "2", "default.topic.replication.factor": "1"}
    login = {"auth.secret.ref.name": auth} if auth else {}
    item = broker(name)
    item["metadata"]["annotations"] = {"eventing.knative.dev/broker.class": "Kafka", **annotations}
    item["spec"] = {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "kafka"}}
    return config_map("kafka", **{"bootstrap.servers": servers, **numbers, **login}), item


def produce(kafka: Kafka, topic: str, value: bytes, **attributes: str) -> None:
    """As any Kafka client would."""

    async def run() -> None:
        headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer:
            await producer.send_and_wait(topic, value, headers=[*headers, ("content-type", b"application/json")])

    asyncio.run(run())


def test_a_broker_on_kafka_from_its_yaml_to_its_end(tmp_path: Path, kafka: Kafka) -> None:
    """Ready in Knative's words; what is POSTed and what a Kafka client writes is delivered; the topic goes with it."""
    empty, sink = tmp_path / "empty.yaml", Sink(tmp_path, "sink")
    empty.write_text(to_yaml(config_map("nothing")))
    server = Server(tmp_path, empty)
    topic = "knative-broker-default-whole"
    with running(server, sink):
        apply(server, *resources(kafka.bootstrap_servers, "whole"))
        wait_ready(server, name="whole")
        assert ("True", f"Topic {topic} created", "") == conditions(server, "whole")["TopicReady"]
        assert topic in kafka.topics
        apply(server, trigger("t", sink.url, of="whole"), trigger("lost", NOBODY, of="whole", retry=0))
        wait_until(lambda: len(server.ask("triggers")["items"]) == 2, "both Triggers")
        assert 202 == server.post("whole", "order", "1")
        wait_until(lambda: sink.ids == ["1"], "the delivery")
        attributes = {"specversion": "1.0", "id": "2", "source": "/kafka", "type": "order"}
        produce(kafka, topic, b'{"n": 2}', **attributes)
        wait_until(lambda: sink.ids == ["1", "2"], "the producer's event")
        wait_until(lambda: len(server.ask("deadletters")["items"]) == 2, "the dead letters")
        apply(server, trigger("lost", f"{sink.url}/second", of="whole", retry=0))
        server.order("deadletters/redrive", trigger="lost")
        wait_until(lambda: sorted(sink.ids) == ["1", "1", "2", "2"], "the redrive")
        (told,) = server.ask("brokers")["items"]
        expected = ("kafka", True, "acks=all", kafka.bootstrap_servers)
        assert expected == tuple(told[name] for name in ("channel", "durable", "persistence", "server"))
        delete_broker(server, "whole")
        wait_until(lambda: not any(topic in one for one in kafka.topics), "the topic is gone", 30.0)


def test_a_topic_of_somebody_else_is_neither_made_nor_deleted(tmp_path: Path, kafka: Kafka) -> None:
    """Without it the Broker says so; it may have events of others in it."""
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    external = {"kafka.eventing.knative.dev/external.topic": "theirs"}
    manifest.write_text(
        to_yaml(*resources(kafka.bootstrap_servers, "guest", **external), trigger("t", sink.url, of="guest"))
    )
    server = Server(tmp_path, manifest)
    with running(server, sink):
        assert "Topic is not present or invalid" == wait_ready(server, "False", "guest")[0]
        assert "theirs" not in kafka.topics
        kafka.ask(lambda admin: admin.create_topics([NewTopic("theirs", 1, 1)]))
        wait_ready(server, name="guest")
        assert 202 == server.post("guest", "order", "1")
        wait_until(lambda: sink.ids == ["1"], "the delivery")
        delete_broker(server, "guest")
        wait_until(lambda: 404 == server.post("guest", "order", "2"), "it is gone")
        wait_until(lambda: "theirs.eventing" not in kafka.topics, "what is ours is gone", 30.0)
        assert "theirs" in kafka.topics


def test_a_cluster_that_dies_and_comes_back(tmp_path: Path, kafka_alone: Kafka) -> None:
    """Refused meanwhile, with the reason in the condition; then everything that was accepted is delivered."""
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    manifest.write_text(to_yaml(*resources(kafka_alone.bootstrap_servers), trigger("t", sink.url), broker("c")))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        wait_ready(server)
        accepted = ["0"]
        assert 202 == server.post("b", "order", "0")
        kafka_alone.kill()
        accepted += post_until(server, 503, patience_s=60.0)
        reason, message = wait_ready(server, "False", patience_s=60.0)
        assert "ServerUnavailable" == reason
        assert message.startswith(f"{kafka_alone.bootstrap_servers}: ")
        assert 202 == server.post("c", "order", "of another Broker")
        kafka_alone.start()
        wait_ready(server, patience_s=60.0)
        accepted += post_until(server, 202, patience_s=60.0)
        wait_until(lambda: set(accepted) <= set(sink.ids), "all that was accepted", 60.0)


def test_a_login_that_is_wrong_is_told_and_mended(tmp_path: Path, kafka_secure: Kafka) -> None:
    """A Secret that is put right lets the Broker in; one that is broken later is told, and events flow on."""
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    servers = kafka_secure.address("SASL_SSL")
    authority = kafka_secure.authority.cert_pem.bytes().decode()
    right = {
        "protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "user": USER, "password": PASSWORD,
        "ca_crt": authority,
    }  # fmt: skip
    manifest.write_text(to_yaml(*resources(servers, auth="login"), trigger("t", sink.url)))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        assert "SecretNotFound" == wait_ready(server, "False")[0]
        apply(server, secret("login", **{**right, "password": "wrong"}))
        wait_until(lambda: "SecretNotFound" != conditions(server)["Ready"][1], "the login is tried")
        wait_until(lambda: "False" == conditions(server)["Ready"][0], "it is refused", 60.0)
        apply(server, secret("login", **right))
        wait_ready(server, patience_s=60.0)
        assert 202 == server.post("b", "order", "1")
        wait_until(lambda: sink.ids == ["1"], "the delivery")
        apply(server, secret("login", **{**right, "sasl_mechanism": "GSSAPI"}))
        assert "SecretInvalid" == wait_ready(server, "False")[0]
        apply(server, secret("login", **{**right, "sasl_mechanism": "PLAIN"}))
        wait_ready(server, patience_s=60.0)
        accepted = post_until(server, 202, patience_s=60.0)
        wait_until(lambda: set(accepted) <= set(sink.ids), "all that was accepted", 60.0)
        assert PASSWORD not in server.err


def test_a_broker_that_holds_as_much_as_it_may_refuses_until_its_trigger_goes_on(tmp_path: Path, kafka: Kafka) -> None:
    """503 for what a paused Trigger has yet to get; all that was accepted is delivered, once."""
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    manifest.write_text(
        to_yaml(
            *resources(kafka.bootstrap_servers),
            trigger("t", sink.url, annotations={"eventing.dev/paused": "true"}),
        )
    )
    server = Server(tmp_path, manifest, environment={"EVENTING_KAFKA_EVENTS_MAX": "20"})
    with running(server, sink):
        wait_ready(server)
        accepted = post_until(server, 503)
        assert 20 == len(accepted)
        apply(server, trigger("t", sink.url, annotations={"eventing.dev/paused": "false"}))
        accepted += post_until(server, 202)
        wait_until(lambda: sorted(sink.ids) == sorted(accepted), "all of them, once")
