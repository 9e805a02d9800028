"""Brokers whose events rest in a Redis Cluster: each in its slot, with its dead letters, while nodes come and go."""

from pathlib import Path

import yaml

from tests.e2e.manifests import Item, broker, to_yaml, trigger
from tests.e2e.process import Server, Sink, running, wait_until
from tests.e2e.remote import apply, config_map, delete_broker, post_until, wait_ready
from tests.rig.redis_cluster import RedisCluster

NOBODY = "http://127.0.0.1:9/"


def resources(cluster: RedisCluster, *names: str) -> tuple[Item, ...]:
    spec = {"address": cluster.url}
    template = {"apiVersion": "messaging.knative.dev/v1alpha1", "kind": "RedisStreamChannel", "spec": spec}
    items = [broker(name) for name in names]
    for item in items:
        item["spec"] = {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "redis"}}
    return config_map("redis", **{"channel-template-spec": yaml.safe_dump(template)}), *items


def test_two_brokers_in_two_slots_from_their_yaml_to_their_end(tmp_path: Path, redis_cluster: RedisCluster) -> None:
    """Each has its dead letters, which are found, redriven and discarded like those of two servers; and what a deleted
    Broker leaves behind are its dead letters alone.
    """
    log = "eventing:{{default/{}}}:log"
    assert redis_cluster.master(log.format("b")) is not redis_cluster.master(log.format("c"))
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    lost = (trigger("lost", NOBODY, retry=0), trigger("gone", NOBODY, of="c", retry=0))
    manifest.write_text(to_yaml(*resources(redis_cluster, "b", "c"), trigger("t", sink.url), *lost))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        for name in ("b", "c"):
            wait_ready(server, name=name)
        assert [202, 202] == [server.post("b", "order", "1"), server.post("c", "order", "2")]
        wait_until(lambda: sink.ids == ["1"], "the delivery")
        wait_until(lambda: len(server.ask("deadletters")["items"]) == 2, "both dead letters")
        told = {one["trigger"]: one["id"] for one in server.ask("deadletters")["items"]}
        assert ["r1", "r1"] == [one.partition(".")[0] for one in told.values()]
        assert {("redis", True, "always", redis_cluster.url)} == {
            tuple(one[name] for name in ("channel", "durable", "persistence", "server"))
            for one in server.ask("brokers")["items"]
        }
        apply(server, trigger("gone", sink.url, of="c", retry=0))
        assert 1 == len(server.order("deadletters/redrive", trigger="gone")["items"])
        wait_until(lambda: sink.ids == ["1", "2"], "the redrive")
        wait_until(lambda: [told["lost"]] == [one["id"] for one in server.ask("deadletters")["items"]], "the other one")
        assert redis_cluster.keys("eventing:{default/c}:*")
        delete_broker(server, "c")
        wait_until(lambda: not redis_cluster.keys("eventing:{default/c}:*"), "nothing is left")
        assert 1 == server.order("deadletters/discard")["count"]
        delete_broker(server)
        wait_until(lambda: not redis_cluster.keys("eventing:{default/b}:*"), "nothing is left")


def test_a_master_that_dies_is_one_brokers_trouble(tmp_path: Path, redis_cluster_alone: RedisCluster) -> None:
    """For a few seconds: its replica takes over, and has what had reached it. The other Broker notices nothing."""
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    triggers = (trigger("t", sink.url), trigger("u", sink.url, of="c"))
    manifest.write_text(to_yaml(*resources(redis_cluster_alone, "b", "c"), *triggers))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        for name in ("b", "c"):
            wait_ready(server, name=name)
        assert 202 == server.post("b", "order", "before")
        wait_until(lambda: sink.ids == ["before"], "the delivery")
        master = redis_cluster_alone.master("eventing:{default/b}:log")
        assert master is not None
        master.call("WAIT", 1, 5000)
        master.kill()
        accepted = post_until(server, 503)
        assert 202 == server.post("c", "order", "of the other Broker")
        wait_until(lambda: "of the other Broker" in sink.ids, "the other Broker's")
        wait_ready(server, "False")
        accepted += post_until(server, 202)
        wait_ready(server)
        wait_until(lambda: set(accepted) <= set(sink.ids), "all that was accepted")
