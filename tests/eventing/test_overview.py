"""What an operator is told agrees with what happened."""

import asyncio

from dispatcher.lane import LATENCY_BOUNDS_S
from tests.dispatcher.peer import OK, Peer
from tests.e2e.manifests import broker, trigger
from tests.eventing.stage import BASE_URL, eventually, staged, trigger_key

URL = "http://127.0.0.1:9/"
NEVER = [{"exact": {"type": "never"}}]
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nnope"
REPLY_HEAD = b"ce-specversion: 1.0\r\nce-id: r\r\nce-source: /r\r\nce-type: reply\r\n"
REPLY = b"HTTP/1.1 200 OK\r\n" + REPLY_HEAD + b"Content-Length: 0\r\n\r\n"


async def test_it_is_ready_from_when_the_doors_are_open_until_it_is_asked_to_stop() -> None:
    async with staged() as stage:
        assert not stage.overview.is_ready
        stage.intake.is_ready = True
        assert stage.overview.is_ready
        stage.intake.is_draining = True
        assert not stage.overview.is_ready


async def test_a_broker_is_told_with_its_address_its_channel_and_its_bounds() -> None:
    async with staged(memory_events_max=50) as stage:
        await stage.reconcile(broker(), trigger("t", URL, filters=NEVER))
        await stage.publish("1", "2")
        (told,) = stage.overview.brokers()
        assert ("default", "b", True, "", "") == (told.namespace, told.name, told.ready, told.reason, told.message)
        assert (f"{BASE_URL}/default/b", "memory", False) == (told.address, told.channel, told.durable)
        assert told.statistics is not None
        assert (50, 2, 0, 1) == (told.statistics.events_max, told.accepted, told.replies, told.triggers)


async def test_a_broker_without_a_channel_is_told_with_the_reason() -> None:
    item = broker()
    item["metadata"]["annotations"] = {"eventing.knative.dev/broker.class": "Kafka"}
    async with staged() as stage:
        await stage.reconcile(item)
        (told,) = stage.overview.brokers()
        assert (False, "BrokerClassNotAvailable", "", False, None, 0) == (
            told.ready,
            told.reason,
            told.channel,
            told.durable,
            told.statistics,
            told.accepted,
        )
        assert "'Kafka'" in told.message


async def test_brokers_and_triggers_are_told_by_namespace_and_name() -> None:
    async with staged() as stage:
        names = [("z", "a"), ("default", "z"), ("default", "a")]
        for namespace, name in names:
            for item in (broker(name), trigger(name, URL, of=name)):
                await stage.apply({**item, "metadata": {"name": name, "namespace": namespace}})
                await stage.reconcile()
        assert sorted(names) == [(one.namespace, one.name) for one in stage.overview.brokers()]
        assert sorted(names) == [(one.namespace, one.name) for one in stage.overview.triggers()]


async def test_a_trigger_without_a_broker_has_no_lane() -> None:
    async with staged() as stage:
        await stage.reconcile(trigger("t", URL))
        (told,) = stage.overview.triggers()
        assert (None, False, "BrokerDoesNotExist", "b") == (told.lane, told.ready, told.reason, told.broker)


async def test_what_a_lane_did_adds_up() -> None:
    """matched = waiting + in flight + delivered + dead-lettered; the rest of what the Broker judged was filtered."""
    hold = asyncio.Event()
    async with staged(lane_concurrency_max=1) as stage, Peer([(OK,), (REFUSED,), (hold, OK)]) as peer:
        url = f"http://127.0.0.1:{peer.port}/"
        letters = {"uri": "http://127.0.0.1:9/letters"}
        await stage.reconcile(broker())
        await stage.publish("before")
        await eventually(lambda: stage.broker().judged)
        orders = [{"exact": {"type": "order"}}]
        await stage.reconcile(trigger("t", url, filters=orders, retry=0, deadLetterSink=letters))
        await stage.publish("1", "2", "3", "4")
        await stage.publish("5", event_type="other")
        await eventually(lambda: len(peer.requests) == 3 and stage.trigger().dead_lettered)
        (told,) = stage.overview.triggers()
        assert (url, letters["uri"]) == (told.subscriber_uri, told.dead_letter_sink_uri)
        lane = told.lane
        assert lane is not None
        assert (4, 1, 1, 1, 1) == (lane.matched, lane.delivered, lane.dead_lettered, lane.in_flight, lane.waiting)
        assert 1 == lane.filtered
        assert len(LATENCY_BOUNDS_S) + 1 == len(lane.latency_buckets)
        assert 2 == sum(lane.latency_buckets)
        assert lane.latency_sum_s > 0
        hold.set()
        await eventually(lambda: stage.trigger().delivered == 3)


async def test_replies_of_a_trigger_that_went_are_still_the_brokers() -> None:
    """A counter never goes back."""
    async with staged() as stage, Peer([(REPLY,)]) as peer:
        url = f"http://127.0.0.1:{peer.port}"
        await stage.reconcile(broker(), trigger("t", url, filters=[{"exact": {"type": "order"}}]))
        await stage.publish("1")
        await eventually(lambda: stage.broker().replies)
        (told,) = stage.overview.triggers()
        assert told.lane is not None
        assert (1, 0) == (told.lane.replies, told.lane.replies_ignored)
        await stage.delete(trigger_key())
        await stage.reconcile()
        assert [(1, 2)] == [(one.replies, one.accepted) for one in stage.overview.brokers()]


async def test_dead_letters_are_told_newest_first_and_by_id() -> None:
    async with staged() as stage, Peer([(REFUSED,), (REFUSED,)]) as peer:
        await stage.reconcile(broker(), trigger("t", f"http://127.0.0.1:{peer.port}"))
        for one in ("1", "2"):
            await stage.publish(one)
            await eventually(lambda count=int(one): stage.trigger().dead_lettered == count)
        assert ["2", "1"] == [letter.event.id for letter in stage.overview.dead_letters()]
        letter = stage.overview.dead_letter(1)
        assert letter is not None
        assert ("1", "default", "b", "t") == (letter.event.id, letter.namespace, letter.broker, letter.trigger)
        assert stage.overview.dead_letter(3) is None
        assert 0 == stage.overview.dead_letters_evicted()


async def test_the_ingress_tells_what_it_answered() -> None:
    async with staged() as stage:
        stage.intake.accepted, stage.intake.connections = 3, 2
        stage.intake.answers[404] += 1
        stage.intake.answers[400] += 0
        told = stage.overview.ingress()
        assert ({202: 3, 404: 1}, 2) == (told.answers, told.connections)
