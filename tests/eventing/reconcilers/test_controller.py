"""The dispatcher becomes what the resources say, whatever went before; where they say the same it is not touched."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from channels.errors import ChannelUnavailable
from eventing.resources.identity import GroupKind
from eventing.resources.service import SERVICE
from eventing.store.contract import Listing
from tests.dispatcher.peer import Peer
from tests.e2e.manifests import broker, broker_ref, trigger
from tests.eventing.stage import (
    Stage,
    broker_key,
    config_map,
    eventually,
    service,
    service_ref,
    settle,
    staged,
    trigger_key,
)
from tests.eventing.store.memory_store import MemoryStore

URL = "http://127.0.0.1:9/"
SIZE = "eventing.dev/event-size-max-bytes"
REFUSE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def url_of(peer: Peer) -> str:
    return f"http://127.0.0.1:{peer.port}"


def annotated(item: dict[str, Any], **annotations: str) -> dict[str, Any]:
    return {**item, "metadata": {**item["metadata"], "annotations": annotations}}


async def test_a_broker_and_a_trigger_deliver() -> None:
    async with staged() as stage, Peer([]) as peer:
        await stage.reconcile(broker(), trigger("t", url_of(peer)))
        assert (True, "", "") == stage.why()
        assert {b"/default/b": stage.broker()} == stage.intake.routes
        await stage.publish("1")
        await eventually(lambda: stage.trigger().delivered)
        assert 1 == len(peer.requests)


async def test_doing_it_twice_is_doing_it_once() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), service("s", "sink.test"), trigger("t", service_ref("s")), trigger("u", URL))
        at_work, specs = dict(stage.broker().triggers), {k: t.spec for k, t in stage.broker().triggers.items()}
        channel, index = stage.broker().channel, stage.broker()._fanout._index
        await stage.reconcile()
        assert at_work == stage.broker().triggers
        assert all(specs[name] is one.spec for name, one in stage.broker().triggers.items())
        assert channel is stage.broker().channel
        assert index is stage.broker()._fanout._index


async def test_what_does_not_reach_a_trigger_does_not_touch_it() -> None:
    """Labels and annotations of the Trigger, the Broker and the Service; another Trigger of the same Broker."""
    async with staged() as stage:
        await stage.reconcile(broker(), service("s", "sink.test"), trigger("t", service_ref("s")))
        spec = stage.trigger().spec
        labelled = service("s", "sink.test")
        labelled["metadata"]["labels"] = {"a": "b"}
        for item in (
            annotated(trigger("t", service_ref("s")), note="x"),
            annotated(broker(), note="x"),
            labelled,
            trigger("other", URL),
        ):
            await stage.reconcile(item)
            assert spec is stage.trigger().spec


@pytest.mark.parametrize(
    "change",
    [
        {"uri": "http://127.0.0.1:9/other"},
        {"filters": [{"exact": {"type": "x"}}]},
        {"format": "json"},
        {"retry": 4},
        {"deadLetterSink": {"uri": "http://127.0.0.1:9/letters"}},
    ],
)
async def test_a_change_reaches_the_lane_and_leaves_what_waits_in_it(change: dict[str, Any]) -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), trigger("t", URL, retry=1, backoffDelay="PT1H"))
        await stage.publish("1")
        await eventually(lambda: stage.trigger().retrying)
        at_work, spec = stage.trigger(), stage.trigger().spec
        uri, filters = change.pop("uri", URL), change.pop("filters", None)
        await stage.reconcile(trigger("t", uri, filters=filters, **({"retry": 1, "backoffDelay": "PT1H"} | change)))
        assert at_work is stage.trigger()
        assert spec is not stage.trigger().spec
        assert stage.trigger().spec.sink is stage.trigger().lane.sink
        assert 1 == stage.trigger().waiting


async def test_a_brokers_delivery_holds_where_its_triggers_say_nothing() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(retry=7), trigger("t", URL), trigger("own", URL, retry=2))
        assert (7, 2) == (stage.trigger().spec.policy.retry, stage.trigger("own").spec.policy.retry)
        await stage.reconcile(broker(retry=8))
        assert (8, 2) == (stage.trigger().spec.policy.retry, stage.trigger("own").spec.policy.retry)


async def test_a_trigger_that_cannot_be_resolved_any_more_keeps_its_lane() -> None:
    """It is told to be not ready, goes on to the last address, and follows the Service when that is back."""
    async with staged() as stage:
        await stage.reconcile(broker(), service("s", "old.test"), trigger("t", service_ref("s")))
        at_work = stage.trigger()
        await stage.delete(SERVICE.key("default", "s"))
        await stage.reconcile()
        missing = 'failed to get object default/s: services "s" not found'
        assert (False, "Unable to get the Subscriber's URI", missing) == stage.why()
        assert at_work is stage.trigger()
        assert "http://old.test" == at_work.lane.sink.uri
        await stage.reconcile(service("s", "new.test"))
        assert (True, "", "") == stage.why()
        assert at_work is stage.trigger()
        assert "http://new.test" == at_work.lane.sink.uri


async def test_a_trigger_that_was_never_resolved_has_no_lane() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), trigger("t", service_ref("s")))
        assert {} == stage.broker().triggers
        assert not stage.why()[0]
        await stage.reconcile(service("s", "sink.test"))
        assert (True, "", "") == stage.why()
        assert ["t"] == [*stage.broker().triggers]


async def test_a_missing_dead_letter_sink_is_told_in_its_own_words() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), trigger("t", URL, deadLetterSink=service_ref("s")))
        assert (False, "Unable to get the dead letter sink's URI") == stage.why()[:2]
        assert URL == stage.controller.triggers[trigger_key()].subscriber_uri


async def test_a_broker_waits_for_its_dead_letter_sink() -> None:
    """No address, no event taken, and nothing of its Triggers is Ready, until the sink is found."""
    async with staged() as stage:
        await stage.reconcile(broker(deadLetterSink=service_ref("s")), trigger("t", URL))
        missing = 'Channel does not have an address: failed to get object default/s: services "s" not found'
        assert (False, "NoAddress", missing) == stage.why()
        assert "address" not in (await stage.store.get(broker_key()))["status"]
        assert (None, missing) == (stage.broker().channel, stage.broker().unready)
        await stage.reconcile(service("s", "letters.test"))
        assert (True, "", "") == stage.why()
        await stage.publish("1")


async def test_a_broker_that_lost_its_dead_letter_sink_goes_on_and_is_not_ready() -> None:
    """It keeps its address, and its Triggers the last they knew of the sink, as those of a Service that vanished."""
    async with staged() as stage, Peer([]) as peer:
        await stage.reconcile(
            service("s", "letters.test"), broker(deadLetterSink=service_ref("s")), trigger("t", url_of(peer))
        )
        address = (await stage.store.get(broker_key()))["status"]["address"]
        await stage.delete(SERVICE.key("default", "s"))
        await stage.reconcile()
        assert (False, "Unable to get the dead letter sink's URI") == stage.why()[:2]
        assert address == (await stage.store.get(broker_key()))["status"]["address"]
        await stage.publish("1")
        await eventually(lambda: stage.trigger().delivered)
        assert stage.trigger().dead_letter_lane is not None


async def test_a_trigger_waits_for_its_broker() -> None:
    async with staged() as stage:
        await stage.reconcile(trigger("t", URL))
        assert (False, "BrokerDoesNotExist", 'Broker "b" does not exist') == stage.why()
        await stage.reconcile(broker())
        assert (True, "", "") == stage.why()
        assert ["t"] == [*stage.broker().triggers]


async def test_a_broker_that_goes_leaves_its_triggers_and_finds_them_again() -> None:
    async with staged() as stage, Peer([]) as peer:
        await stage.reconcile(broker(), trigger("t", url_of(peer)))
        old = stage.broker()
        await stage.delete(broker_key())
        await stage.reconcile()
        assert {} == stage.intake.routes == stage.controller.brokers
        assert old.channel is None
        assert (False, "BrokerDoesNotExist") == stage.why()[:2]
        await stage.reconcile(broker())
        assert old is not stage.broker()
        await stage.publish("1")
        await eventually(lambda: stage.trigger().delivered)


async def test_a_broker_of_the_same_name_is_another_broker() -> None:
    """Gone and back between two looks: its class may be another, and its channel is."""
    async with staged() as stage:
        await stage.reconcile(broker(), trigger("t", URL))
        old = stage.broker()
        await stage.delete(broker_key())
        await stage.reconcile(annotated(broker(), **{"eventing.knative.dev/broker.class": "Custom"}))
        assert old is not stage.broker()
        assert (None, None) == (old.channel, stage.broker().channel)
        assert (False, "BrokerClassNotAvailable") == stage.why()[:2]


async def test_a_trigger_of_the_same_name_inherits_nothing() -> None:
    """Deleting one ends what it was owed, whether or not anybody looked before the next one came."""
    async with staged() as stage:
        await stage.reconcile(broker(), trigger("t", URL, retry=1, backoffDelay="PT1H"))
        await stage.publish("1")
        await eventually(lambda: stage.trigger().retrying)
        old = stage.trigger()
        await stage.delete(trigger_key())
        await stage.reconcile(trigger("t", URL))
        assert old is not stage.trigger()
        assert (1, 0) == (old.dropped, stage.trigger().waiting)


async def test_a_trigger_may_move_to_another_broker_by_its_reference() -> None:
    """`spec.broker` is immutable; Knative does not compare `brokerRef`."""

    def moved(name: str) -> dict[str, Any]:
        item = trigger("t", URL)
        del item["spec"]["broker"]
        ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": name}
        return {**item, "spec": {**item["spec"], "brokerRef": ref}}

    async with staged() as stage:
        await stage.reconcile(broker("a"), broker("b"), moved("a"))
        assert (["t"], []) == ([*stage.broker("a").triggers], [*stage.broker("b").triggers])
        await stage.reconcile(moved("b"))
        assert ([], ["t"]) == ([*stage.broker("a").triggers], [*stage.broker("b").triggers])


@pytest.mark.parametrize(("first", "second"), [("a", "z"), ("z", "a")])
async def test_brokers_are_sinks_of_each_other_in_any_order(first: str, second: str) -> None:
    async with staged() as stage, Peer([]) as peer:
        await stage.reconcile(
            trigger("to-second", broker_ref(second), of=first),
            trigger("to-first", broker_ref(first), of=second, filters=[{"exact": {"type": "never"}}]),
            trigger("out", url_of(peer), of=second),
            broker(first),
            broker(second),
        )
        assert all(one.readiness.ready for one in stage.controller.triggers.values())
        await stage.publish("1", to=first)
        await eventually(lambda: peer.requests)


async def test_a_sink_that_is_a_broker_is_the_one_that_bears_the_name_at_that_time() -> None:
    """While it is away its events are retried; they go to the Broker that comes back, not to the one that left."""
    async with staged() as stage, Peer([]) as peer:
        on = trigger("on", broker_ref("far"), of="near", retry=10, backoffPolicy="linear", backoffDelay="PT0.01S")
        await stage.reconcile(broker("near"), broker("far"), on, trigger("out", url_of(peer), of="far"))
        await stage.delete(broker_key("far"))
        await stage.reconcile()
        assert (False, "Unable to get the Subscriber's URI") == stage.why("on")[:2]
        await stage.publish("1", to="near")
        await eventually(lambda: stage.trigger("on", "near").retrying)
        await stage.reconcile(broker("far"))
        await eventually(lambda: peer.requests)
        assert 1 == stage.trigger("on", "near").delivered


async def test_a_broker_says_why_it_has_no_channel_and_gets_one_when_it_can() -> None:
    """A Trigger mirrors its Broker's reason, whatever is wrong with itself."""
    template = "apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel"
    item = broker()
    item["spec"]["config"] = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c"}
    async with staged() as stage:
        await stage.reconcile(item, trigger("t", service_ref("s")))
        readiness = stage.controller.brokers[broker_key()].readiness
        words = 'Error on setting up the ChannelTemplate: configmap "c" not found'
        assert (False, "ChannelTemplateFailed", words) == (readiness.ready, readiness.reason, readiness.message)
        assert stage.why() == (False, "ChannelTemplateFailed", words)
        assert words == stage.intake.routes[b"/default/b"].unready
        await stage.reconcile(config_map("c", **{"channel-template-spec": template}), service("s", "sink.test"))
        assert stage.broker().channel is not None
        assert (True, "", "") == stage.why()


async def test_the_size_of_a_brokers_events_is_bound_by_its_annotation_or_the_server() -> None:
    async with staged(event_size_max_bytes=1000) as stage:
        await stage.reconcile(annotated(broker(), **{SIZE: "50"}))
        at_work = stage.broker()
        assert 50 == stage.intake.routes[b"/default/b"].event_size_max_bytes
        await stage.reconcile(annotated(broker(), **{SIZE: "70"}))
        assert 70 == at_work.event_size_max_bytes
        await stage.reconcile(broker())
        assert 1000 == at_work.event_size_max_bytes
        assert at_work is stage.broker()


async def test_what_is_gone_is_forgotten() -> None:
    item = broker("other")
    item["spec"]["config"] = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c"}
    async with staged() as stage:
        await stage.reconcile(broker(), item, trigger("t", service_ref("s")))
        await stage.delete(broker_key(), broker_key("other"), trigger_key())
        await stage.reconcile()
        assert {} == stage.controller.triggers == stage.controller.brokers
        assert {} == stage.controller._world._readers == stage.controller._world._seen


async def test_many_may_ask_at_once() -> None:
    async with staged() as stage:
        await stage.apply(broker(), trigger("t", URL))
        await asyncio.gather(*(stage.controller.reconcile() for _ in range(5)))
        at_work = stage.trigger()
        await asyncio.gather(stage.reconcile(trigger("u", URL)), *(stage.controller.reconcile() for _ in range(5)))
        assert at_work is stage.trigger()
        assert {"t", "u"} == stage.broker().triggers.keys()


async def test_a_reading_that_was_cut_off_is_made_good_by_the_next() -> None:
    async with staged() as stage:
        await stage.reconcile(broker("gone"), broker(), trigger("t", URL))
        gone = stage.broker("gone")
        await stage.delete(broker_key("gone"))
        await stage.apply(broker("new"), trigger("u", URL, of="new"), trigger("t", URL, retry=3))
        turns = 0
        while True:
            task = asyncio.create_task(stage.controller.reconcile())
            await settle(turns)
            if task.done():
                break
            task.cancel()
            await asyncio.wait([task])
            turns += 1
        assert turns
        assert gone.channel is None
        assert 3 == stage.trigger().spec.policy.retry
        assert ["u"] == [*stage.broker("new").triggers]
        assert {b"/default/b", b"/default/new"} == stage.intake.routes.keys()


async def test_closing_ends_every_broker_and_may_be_repeated() -> None:
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(staged())
        await stage.reconcile(broker(), broker("other"), trigger("t", URL))
        channel = stage.broker().channel
        assert channel is not None
        await stage.controller.close()
        await stage.controller.close()
        assert {} == stage.intake.routes == stage.controller.brokers
        assert not stage.controller.plane.is_moving
        with pytest.raises(ChannelUnavailable):
            await channel.publish([])


class _Unreadable(MemoryStore):
    """Cannot be listed for a while."""

    failures = 1

    async def list(self, group_kind: GroupKind, namespace: str | None = None) -> Listing:
        if self.failures:
            self.failures -= 1
            raise OSError("the store cannot be read")
        return await super().list(group_kind, namespace)


async def test_what_the_store_cannot_say_changes_nothing() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), trigger("t", URL))
        other = Stage(_Unreadable(), stage.settings)
        with pytest.raises(OSError, match="cannot be read"):
            await other.controller.reconcile()
        await other.reconcile(broker())
        assert [broker_key()] == [*other.controller.brokers]
        await other.controller.close()
        other.pools.close()
