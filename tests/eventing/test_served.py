"""What is placed for a Broker's Triggers is applied at once, and only where something is new."""

import asyncio

from dispatcher.filters import parse_filters
from dispatcher.retry import Policy
from dispatcher.trigger import TriggerSpec
from eventing.served import ServedBroker
from tests.dispatcher.peer import OK, Peer
from tests.e2e.manifests import broker, trigger
from tests.eventing.stage import Stage, broker_key, eventually, staged

EVERYTHING = parse_filters(None, None)


async def a_served_broker(stage: Stage) -> ServedBroker:
    await stage.reconcile(broker())
    return stage.reconciler.brokers[broker_key()]


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
