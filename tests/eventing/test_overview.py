"""What an operator is told agrees with what happened."""

import asyncio
from pathlib import Path

import pytest

from channels.dead_letter import EVERYTHING, Address
from dispatcher.lane import LATENCY_BOUNDS_S
from eventing.errors import NotFound
from eventing.operations import RetentionStatus
from eventing.overview import find_trigger
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
    item["metadata"]["annotations"] = {"eventing.knative.dev/broker.class": "Custom"}
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
        assert "'Custom'" in told.message


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
    """What the filter let through is somewhere; the rest of what was judged since the Trigger came was filtered."""
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
        assert (1, 0, 0, 0) == (lane.filtered, lane.redriven, lane.dropped, lane.balance)
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


async def test_a_trigger_tells_in_which_manner_it_delivers() -> None:
    """As its annotations say; adaptive concurrency begins at its most."""
    annotations = {"eventing.knative.dev/delivery.order": "ordered", "eventing.dev/rate": "2.5"}
    ordered = trigger("t", URL, filters=NEVER)
    ordered["metadata"]["annotations"] = annotations
    async with staged(lane_concurrency_max=7) as stage:
        await stage.reconcile(broker(), ordered, trigger("u", URL, filters=NEVER))
        (first, second) = (one.lane for one in stage.overview.triggers())
        assert first is not None
        assert second is not None
        assert (True, 2.5, False, 0) == (first.ordered, first.rate, first.paused, first.blocked_keys)
        assert (False, None, 7, False) == (second.ordered, second.rate, second.concurrency, second.catching_up)


async def test_a_paused_trigger_says_so_and_holds_its_events() -> None:
    """Until it is resumed; one that is not there is not found."""
    async with staged() as stage, Peer([(OK,)]) as peer:
        await stage.reconcile(broker(), trigger("t", f"http://127.0.0.1:{peer.port}"))
        await stage.overview.pause("default", "t", is_paused=True)
        await stage.publish("1")
        await eventually(lambda: stage.trigger().matched)
        (told,) = stage.overview.triggers()
        assert told.lane is not None
        assert (True, 1, 0) == (told.lane.paused, told.lane.waiting, told.lane.in_flight)
        await stage.overview.pause("default", "t", is_paused=False)
        await eventually(lambda: stage.trigger().delivered)
        with pytest.raises(NotFound):
            await stage.overview.pause("default", "x", is_paused=True)


async def test_a_dead_letter_is_redriven_to_the_trigger_it_failed_for() -> None:
    """The subscriber gets it once more, and the accounts stay right."""
    async with staged() as stage, Peer([(REFUSED,), (OK,)]) as peer:
        await stage.reconcile(broker(), trigger("t", f"http://127.0.0.1:{peer.port}"))
        await stage.publish("1")
        await eventually(lambda: stage.trigger().dead_lettered)
        office = stage.overview.dead_letters
        (letter,) = (await office.find(EVERYTHING, limit=9)).letters
        assert ("1", Address("default", "b", "t")) == (letter.event.id, letter.address)
        assert stage.trigger() is find_trigger(stage.controller, letter.address)
        redriver = asyncio.create_task(stage.redriver.run())
        (redrive,) = (await office.redrive(EVERYTHING, rate=None)).value
        await eventually(lambda: office.find_redrive(redrive.id).ended_s)
        redriver.cancel()
        assert 1 == office.find_redrive(redrive.id).delivered
        assert [] == (await office.tally(EVERYTHING)).value
        (told,) = stage.overview.triggers()
        assert told.lane is not None
        assert (1, 1, 1, 1, 0) == (
            told.lane.matched,
            told.lane.redriven,
            told.lane.delivered,
            told.lane.dead_lettered,
            told.lane.balance,
        )


async def test_nobody_is_found_for_dead_letters_of_what_is_gone() -> None:
    """Neither without the Broker nor without the Trigger."""
    async with staged() as stage:
        address = Address("default", "b", "t")
        assert find_trigger(stage.controller, address) is None
        await stage.reconcile(broker())
        assert find_trigger(stage.controller, address) is None


async def test_a_server_in_memory_has_no_journal() -> None:
    """And needs none to be ready."""
    async with staged() as stage:
        assert stage.overview.journal() is None


async def test_a_journal_is_told_with_its_brokers_retention(tmp_path: Path) -> None:
    """What it holds, its bounds, and that it can store."""
    kept = broker()
    kept["metadata"]["annotations"] = {"eventing.dev/retention": "PT1H"}
    async with staged(data_dir=tmp_path) as stage:
        stage.intake.is_ready = True
        await stage.reconcile(kept, trigger("t", URL, filters=NEVER))
        await stage.publish("1")
        journal = stage.overview.journal()
        assert journal is not None
        assert ("", 0, 2**30) == (journal.fault, journal.damaged, journal.size_max_bytes)
        assert journal.commits > 0
        assert journal.file_size_bytes > 0
        (told,) = stage.overview.brokers()
        assert ("journal", True, RetentionStatus(3600.0, 0)) == (told.channel, told.durable, told.retention)
        assert ({}, 0) == (told.orphans, told.unaccounted)
        assert stage.overview.is_ready


async def test_the_ingress_tells_what_it_answered() -> None:
    async with staged() as stage:
        stage.intake.accepted, stage.intake.connections = 3, 2
        stage.intake.answers[404] += 1
        stage.intake.answers[400] += 0
        told = stage.overview.ingress()
        assert ({202: 3, 404: 1}, 2) == (told.answers, told.connections)
