"""What is placed for a Broker's Triggers is applied at once, and only where something is new."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dispatcher.broker
from dispatcher.filters import parse_filters
from dispatcher.manner import DEFAULT
from dispatcher.retry import Policy
from dispatcher.trigger import TriggerSpec
from eventing.reconcilers.served import ServedBroker
from eventing.resources.broker import Broker
from eventing.resources.delivery import DeliverySpec
from eventing.resources.duck import Destination, Reference
from eventing.resources.engine import Memory
from eventing.resources.identity import Key
from eventing.resources.subscription import Subscription
from eventing.specification import Sinks, Specifier
from tests.dispatcher.peer import OK, Peer, answer
from tests.e2e.manifests import broker, trigger
from tests.eventing.stage import Stage, an_event, broker_key, eventually, staged

EVERYTHING = parse_filters(None, None)

NO_CHANNEL = Reference("messaging.knative.dev/v1", "Channel", "default", "c")


async def a_served_broker(stage: Stage) -> ServedBroker:
    await stage.reconcile(broker())
    return stage.controller.brokers[broker_key()]


def a_spec(served: ServedBroker, **policy: int) -> TriggerSpec:
    return TriggerSpec(EVERYTHING, served.sink, None, Policy(**policy))


async def test_nothing_is_judged_by_before_it_is_applied() -> None:
    async with staged() as stage:
        served = await a_served_broker(stage)
        served.place("t", a_spec(served))
        assert {} == served.broker.triggers
        served.apply()
        assert ["t"] == [*served.broker.triggers]
        served.remove("t")
        assert ["t"] == [*served.broker.triggers]
        served.apply()
        assert {} == served.broker.triggers


async def test_an_equal_spec_touches_nothing() -> None:
    async with staged() as stage:
        served = await a_served_broker(stage)
        first = a_spec(served, retry=1)
        served.place("t", first)
        served.apply()
        index = served.broker._fanout._index
        served.place("t", a_spec(served, retry=1))
        served.remove("never there")
        served.apply()
        assert first is served.broker.triggers["t"].spec
        assert index is served.broker._fanout._index


async def test_another_spec_changes_the_trigger_in_place() -> None:
    async with staged() as stage:
        served = await a_served_broker(stage)
        served.place("t", a_spec(served, retry=1))
        served.apply()
        at_work = served.broker.triggers["t"]
        served.place("t", a_spec(served, retry=2))
        served.apply()
        assert at_work is served.broker.triggers["t"]
        assert 2 == at_work.lane.policy.retry


async def test_a_trigger_that_comes_after_one_of_its_name_inherits_nothing() -> None:
    async with staged() as stage:
        served = await a_served_broker(stage)
        for name in ("t", "neighbour"):
            served.place(name, a_spec(served))
        served.apply()
        before = dict(served.broker.triggers)
        served.remove("t")
        served.place("t", a_spec(served))
        served.apply()
        assert before["t"] is not served.broker.triggers["t"]
        assert before["neighbour"] is served.broker.triggers["neighbour"]
        heir = served.broker.triggers["t"]
        served.place("t", a_spec(served, retry=1))
        served.apply()
        assert heir is served.broker.triggers["t"]


async def test_a_broker_moves_while_events_need_no_more_than_time() -> None:
    """In flight moves; delivered does not, nor does what waits for a retry, or without a channel."""
    answer = asyncio.Event()
    refuse = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
    async with staged() as stage, Peer([(answer, OK), (refuse,)]) as peer:
        served = await a_served_broker(stage)
        assert not served.is_moving
        url = f"http://127.0.0.1:{peer.port}"
        await stage.reconcile(trigger("t", url, retry=1, backoffDelay="PT1H"))
        await stage.publish("1")
        assert served.is_moving
        await eventually(lambda: peer.requests)
        assert served.is_moving
        answer.set()
        await eventually(lambda: stage.trigger().delivered)
        await eventually(lambda: not served.is_moving)
        await stage.publish("2")
        await eventually(lambda: stage.trigger().retrying)
        assert not served.is_moving
        await served.broker.close()
        assert not served.is_moving


@asynccontextmanager
async def a_served_channel(stage: Stage) -> AsyncIterator[ServedBroker]:
    """Seen through a Broker's view, which has what counts."""
    view = Broker.of({**broker(), "metadata": {"name": "c", "namespace": "default", "uid": "u"}})
    channel = dispatcher.broker.Broker("default", "c", event_size_max_bytes=1000, is_channel=True)
    served = ServedBroker(view, channel, address="http://c-kn-channel.default.svc.cluster.local")
    place = await stage.engines.create(Memory(), view)
    await channel.open(place.channel, dead_letters=place.dead_letters, limits=place.limits)
    try:
        yield served
    finally:
        await channel.close()


async def test_a_channel_and_its_subscriptions_are_served_alike() -> None:
    """They are placed, applied and removed."""
    async with staged() as stage, a_served_channel(stage) as served:
        for do, expected in ((lambda: served.place("s", a_spec(served)), ["s"]), (lambda: served.remove("s"), [])):
            do()
            served.apply()
            assert expected == [*served.broker.triggers]
        assert not served.is_moving


async def test_a_subscription_brings_replies_to_their_destination() -> None:
    """Over real sockets, in requests of their own; one that was refused has the subscriber asked once more."""
    reply_head = "200 OK\r\nce-specversion: 1.0\r\nce-id: r\r\nce-source: /reply\r\nce-type: re\r\nContent-Length: 3"
    said = answer(reply_head, b"yes")
    busy = answer("503 Service Unavailable\r\nContent-Length: 0")
    async with (
        staged() as stage,
        a_served_channel(stage) as served,
        Peer([(said,), (said,)]) as subscriber,
        Peer([(busy,)]) as reply,
    ):
        urls = [Destination(uri=f"http://127.0.0.1:{peer.port}/") for peer in (subscriber, reply)]
        own = DeliverySpec(retry=1, backoff_delay_s=0.0)
        key = Key("messaging.knative.dev", "Subscription", "default", "s")
        view = Subscription(key, "u", 1, NO_CHANNEL, urls[0], urls[1], own, DEFAULT, "latest")
        sinks = Sinks(
            pools=stage.pools,
            catalogue=stage.catalogue,
            cluster_domain=stage.settings.cluster_domain,
            broker_sinks=stage.controller.plane,
        )
        found = Specifier(sinks, stage.settings).specify_subscription(view, own, lambda _: None)
        assert found.spec is not None
        served.place("s", found.spec)
        served.apply()
        assert served.broker.channel is not None
        await served.broker.channel.publish([an_event("1")])
        await eventually(lambda: served.broker.triggers["s"].delivered)
        assert [[b"1", b"1"], [b"r", b"r"]] == [
            [head.partition(b"ce-id: ")[2].partition(b"\r")[0] for head, _ in peer.requests]
            for peer in (subscriber, reply)
        ]
        assert [[True, True], [False, False]] == [
            [b"Prefer: reply" in head for head, _ in peer.requests] for peer in (subscriber, reply)
        ]
        assert {b"yes"} == {body for _, body in reply.requests}
        assert (1, 0) == (served.broker.triggers["s"].lane.replies, served.broker.triggers["s"].balance)


async def test_a_letter_on_its_way_moves_though_its_subscriber_is_paced() -> None:
    answer = asyncio.Event()
    refuse = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    async with staged(breaker_failures=1) as stage, Peer([(refuse,)]) as peer, Peer([(answer, OK)]) as letters:
        served = await a_served_broker(stage)
        url, letters_url = (f"http://127.0.0.1:{one.port}" for one in (peer, letters))
        await stage.reconcile(trigger("t", url, deadLetterSink={"uri": letters_url}))
        await stage.publish("1")
        await eventually(lambda: letters.requests)
        assert served.is_moving
        answer.set()
        await eventually(lambda: not served.is_moving)
        assert 1 == stage.trigger().dead_lettered
