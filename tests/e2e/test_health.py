"""What processes with roles say of themselves while a server that has events is away."""

from pathlib import Path

import httpx2
import pytest
import yaml

from tests.e2e.load import post
from tests.e2e.manifests import broker, trigger
from tests.e2e.member import Member, prepare
from tests.e2e.process import PATIENCE_S, Sink, running, wait_until
from tests.e2e.remote import config_map
from tests.rig.postgres import Postgres
from tests.rig.redis import running_redis

pytestmark = pytest.mark.usefixtures("redis_server")


def test_a_dispatcher_is_ready_where_all_its_channels_answer(
    tmp_path: Path, postgres: Postgres, redis_server_program: Path
) -> None:
    """It names the one that does not, and delivers what rests elsewhere; nobody restarts it for that. An ingress stays
    in service as long as one does, as do the processes that read no channel.
    """
    url = prepare(tmp_path, postgres)
    sink = Sink(tmp_path, "sink")
    members = [
        Member(tmp_path, role, url, "--role", role) for role in ("controller", "ingress", "dispatcher", "sources")
    ]
    controller, ingress, dispatcher, _ = members
    with running_redis(redis_server_program) as other, running(*members, sink):
        for one in members:
            one.wait_ready()
        template = {
            "apiVersion": "messaging.knative.dev/v1alpha1",
            "kind": "RedisStreamChannel",
            "spec": {"address": other.url},
        }
        config = config_map("other", **{"channel-template-spec": yaml.safe_dump(template)})
        path = f"{controller.api_url}/api/v1/namespaces/default/configmaps"
        httpx2.post(path, json=config, timeout=PATIENCE_S).raise_for_status()
        far = broker("far")
        far["spec"] = {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "other"}}
        for item in (broker(), far, trigger("t", sink.url), trigger("f", sink.url, of="far")):
            controller.apply(item)
        wait_until(lambda: {post(ingress, "1"), post(ingress, "2", of="far")} == {202}, "both Brokers take events")
        assert [200] * 4 == [one.health("/readyz")[0] for one in members]
        other.kill()
        _, words = wait_until(lambda: (found := dispatcher.health("/readyz"))[0] == 503 and found, "it is told")
        assert words.startswith(f"Broker default/far: redis://127.0.0.1:{other.port}/0: "), words
        wait_until(lambda: post(ingress, "3", of="far") == 503, "its producers are told")
        assert [200, 200, 503, 200] == [one.health("/readyz")[0] for one in members]
        assert [(200, "ok")] * 4 == [one.health("/healthz") for one in members]
        assert 1 == dispatcher.metric("eventing_ready") + ingress.metric("eventing_ready")
        assert 202 == post(ingress, "4")
        wait_until(lambda: "4" in sink.ids, "the other Broker's event is delivered")
        other.start()
        wait_until(lambda: dispatcher.health("/readyz")[0] == 200, "it answers again")
        wait_until(lambda: post(ingress, "5", of="far") == 202, "events are taken again")
        wait_until(lambda: {"1", "2", "4", "5"} <= set(sink.ids), "all are delivered")
