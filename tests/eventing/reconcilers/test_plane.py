"""What is at work: ways to it, and a goodbye that finds who is on the move."""

from pathlib import Path

from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.journal_channel import JOURNAL_CHANNEL
from tests.dispatcher.peer import Peer
from tests.e2e.manifests import broker, trigger
from tests.eventing.reconcilers.test_backing_channel import of
from tests.eventing.stage import broker_key, eventually, staged


async def test_brokers_and_channels_are_found_by_their_paths_and_channels_by_their_hosts_too() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), of(IN_MEMORY_CHANNEL))
        assert {b"/default/b", b"/channels/default/c"} == stage.intake.routes.keys()
        assert {stage.intake.routes[b"/channels/default/c"]} == {*stage.intake.hosts.values()}
        assert b"c-kn-channel.default.svc.cluster.local" in stage.intake.hosts
        plane = stage.controller.plane
        assert plane.is_served(broker_key())
        assert "http://events.test/default/b" == plane.sink(broker_key()).uri
        await plane.close()
        assert ({}, {}, False) == (stage.intake.routes, stage.intake.hosts, plane.is_served(broker_key()))


async def test_what_a_channel_keeps_is_held_and_the_rest_moves(tmp_path: Path) -> None:
    """At a goodbye: an event of the journal stays for the next start, one in memory has only this moment."""
    async with Peer([]) as peer, staged(data_dir=tmp_path) as stage:
        url = f"http://127.0.0.1:{peer.port}"
        template = {"channel-template-spec": "apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\n"}
        await stage.reconcile(
            of(JOURNAL_CHANNEL, "j"),
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "memory"}, "data": template},
            {
                **broker("m"),
                "spec": {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "memory"}},
            },
            trigger("t", url, of="m"),
            broker(),
            trigger("u", url),
        )
        plane = stage.controller.plane
        assert not plane.is_moving
        plane.hold()
        await stage.publish("kept")
        await stage.publish("moving", to="m")
        assert plane.is_moving
        await eventually(lambda: not plane.is_moving)
        assert (1, 0) == (stage.trigger("t", "m").delivered, stage.trigger("u").delivered)
