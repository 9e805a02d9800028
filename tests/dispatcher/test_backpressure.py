"""Who is held back when a sink is behind: the fan out and the producers for a fast one, nobody for any other."""

import asyncio
from collections.abc import Callable

import pytest

from channels.dead_letter import EVERYTHING
from channels.memory import MemoryChannel
from channels.memory_dead_letter import MemoryDeadLetters
from channels.witness import Told
from dispatcher.broker import Broker
from dispatcher.fanout import LAG_MAX
from dispatcher.filters import parse_filters
from dispatcher.retry import Policy
from dispatcher.trigger import TriggerSpec
from tests.dispatcher.stage import LIMITS, Answer, ScriptedSink, an_event, saying

pytestmark = pytest.mark.looptime
BACKLOG = LIMITS.backlog_events_max
BURST = 5 * BACKLOG


async def opened(sinks: dict[str, ScriptedSink]) -> tuple[Broker, MemoryDeadLetters]:
    store = MemoryDeadLetters(size_max_bytes=10**9)
    broker = Broker("ns", "b", event_size_max_bytes=10**6)
    every = parse_filters(None, None)
    broker.replace_triggers({name: TriggerSpec(every, sink, None, Policy()) for name, sink in sinks.items()})
    channel = MemoryChannel(events_max=100_000, size_max_bytes=10**9)
    await broker.open(channel, dead_letters=store, limits=LIMITS)
    return broker, store


async def produce(broker: Broker, total: int, pace_s: float) -> None:
    """Events one by one, as a producer that waits where it is told to."""
    for number in range(total):
        while broker.entrance.is_closed:
            entered = asyncio.Event()
            broker.entrance.wait(entered.set)
            await entered.wait()
        broker.submit((an_event(number),), Told())
        await asyncio.sleep(pace_s)


async def stored(store: MemoryDeadLetters) -> int:
    return sum(tally.count for tally in await store.tally(EVERYTHING))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(3600):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_producer_faster_than_a_fast_sink_waits_and_loses_nothing() -> None:
    """Four in flight at 2 ms each are 2,000 a second; the producer offers ten times that, five backlogs long."""
    sink = ScriptedSink(saying(204), delay_s=0.002)
    broker, store = await opened({"t": sink})
    was_closed = False

    async def look() -> None:
        nonlocal was_closed
        while True:
            was_closed = was_closed or broker.entrance.is_closed
            await asyncio.sleep(0.01)

    looking = asyncio.create_task(look())
    await produce(broker, BURST, 0.00005)
    await until(lambda: broker.triggers["t"].delivered == BURST)
    looking.cancel()
    assert was_closed
    assert not broker.entrance.is_closed
    assert 0 == await stored(store)
    await broker.close()


@pytest.mark.parametrize(
    ("answer", "delay_s"), [(None, 0.0), (204, 1.0), (400, 0.001)], ids=["hangs", "is slow", "refuses"]
)
async def test_a_sink_that_is_not_fast_holds_nobody_back(answer: Answer, delay_s: float) -> None:
    """Its own backlog fills and overflows; its neighbour gets everything, and no producer waits."""
    good = ScriptedSink(saying(204), delay_s=0.0001)
    broker, store = await opened({"good": good, "bad": ScriptedSink(saying(answer), delay_s=delay_s)})
    for number in range(BURST):
        assert not broker.entrance.is_closed
        broker.submit((an_event(number),), Told())
        await asyncio.sleep(0.001)
    await until(lambda: broker.triggers["good"].delivered == BURST)
    assert await stored(store) > 0
    await broker.close()


async def test_a_sink_that_stops_being_fast_lets_everybody_go_on() -> None:
    sink = ScriptedSink(saying(204), delay_s=0.002)
    broker, store = await opened({"t": sink})
    producing = asyncio.create_task(produce(broker, BURST, 0.00005))
    await until(lambda: broker.entrance.is_closed)
    sink.answer = saying(None)
    await asyncio.wait_for(producing, 60)
    assert await stored(store) > 0
    await broker.close()


async def test_what_is_stored_faster_than_it_is_judged_closes_the_entrance() -> None:
    """A batch is stored whole; who comes next waits until the fan out has caught up."""
    broker, _ = await opened({"t": ScriptedSink(saying(204))})
    broker.submit([an_event(number) for number in range(LAG_MAX)], Told())
    broker.regulate()
    assert not broker.entrance.is_closed
    broker.submit((an_event(),), Told())
    broker.regulate()
    assert broker.entrance.is_closed
    await until(lambda: not broker.entrance.is_closed)
    assert broker.judged > 0
    await broker.close()


async def test_a_broker_that_is_closed_lets_those_who_wait_go_on() -> None:
    """They are then told that it has no channel."""
    broker, _ = await opened({"t": ScriptedSink(saying(204), delay_s=0.002)})
    producing = asyncio.create_task(produce(broker, BURST, 0.00005))
    await until(lambda: broker.entrance.is_closed)
    await broker.close()
    assert not broker.entrance.is_closed
    assert not broker.exit.is_closed
    broker.regulate()
    await asyncio.wait_for(producing, 60)
