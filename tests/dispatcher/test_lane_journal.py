"""A lane over the journal: what it parks and takes is on disk, and another process goes on with it."""

from dataclasses import replace
from pathlib import Path
from random import Random

import apsw
import pytest

from channels.journal import Journal
from dispatcher.manner import DEFAULT, Manner, Order
from dispatcher.retry import Policy
from tests.dispatcher.stage import DURABLE
from tests.dispatcher.street import GOOD, DiceSink, Street, until

SIZE_MAX_BYTES = 10**8
SOON = Policy(retry=1000, backoff_policy="linear", backoff_delay_s=0.01, backoff_max_s=0.05)


@pytest.mark.parametrize("manner", [DEFAULT, Manner(order=Order())], ids=["unordered", "ordered"])
async def test_everything_is_delivered_over_any_number_of_processes(tmp_path: Path, manner: Manner) -> None:
    """In order where that is kept; a sink that fails half of the time, a window that is too small, three deaths."""
    dice = Random(1)
    limits = replace(DURABLE, window_events_max=50, park_after_s=0.02, breaker_failures=5, breaker_pause_s=0.01)
    sink = DiceSink(dice, (204, 503), (0.0, 0.003))
    sink.is_ordered = manner.order is not None
    async with Journal(tmp_path, size_max_bytes=SIZE_MAX_BYTES) as journal:
        street = Street(journal.channel("ns/b"), sink, SOON, limits, manner)
        await grow(street, dice)
    for _ in range(3):
        async with Journal(tmp_path, size_max_bytes=SIZE_MAX_BYTES) as journal:
            street.channel = journal.channel("ns/b")
            await grow(street, dice)
    async with Journal(tmp_path, size_max_bytes=SIZE_MAX_BYTES) as journal:
        street.channel = journal.channel("ns/b")
        async with street.channel:
            await street.begin()
            await street.drain()
            await street.kill()
    if manner.order is not None:
        street.check_order()


async def grow(street: Street, dice: Random) -> None:
    """A process that gets 200 events, delivers some, and dies."""
    async with street.channel:
        await street.begin()
        for _ in range(20):
            await street.publish([f"k{dice.randrange(8)}" for _ in range(10)])
        await until(lambda: street.lane.done >= 50)
        street.check_balance()
        await street.kill()


async def test_what_is_parked_survives_with_its_attempts(tmp_path: Path) -> None:
    """And its breaker, where the next process is told of it."""
    far = Policy(retry=5, backoff_policy="linear", backoff_delay_s=0.3)
    sink = DiceSink(Random(1), (503,), (0.0, 0.001))
    async with Journal(tmp_path, size_max_bytes=SIZE_MAX_BYTES) as journal:
        street = Street(journal.channel("ns/b"), sink, far, replace(DURABLE, park_after_s=0.1), DEFAULT)
        async with street.channel:
            await street.begin()
            await street.publish(["a", "b", "c"])
            await until(lambda: street.lane.parked == 3)
            await street.kill()
    async with Journal(tmp_path, size_max_bytes=SIZE_MAX_BYTES) as journal:
        street.channel, street.sink.answers = journal.channel("ns/b"), GOOD
        async with street.channel:
            await street.begin()
            assert 3 == street.lane.waiting
            await until(lambda: street.lane.done == 3)
            assert 3 == street.lane.retried
            await street.kill()


@pytest.mark.parametrize("manner", [DEFAULT, Manner(order=Order())], ids=["unordered", "ordered"])
@pytest.mark.parametrize("number", ["events = 1", "events = 256", "due = 1 << 60", "size_bytes = -1"])
async def test_numbers_of_the_parked_that_are_damaged_keep_none_from_its_sink(
    tmp_path: Path, number: str, manner: Manner
) -> None:
    """However few, or many, they make of it: a lane goes on until nothing is there."""
    limits = replace(DURABLE, window_events_max=20, park_after_s=0.02, breaker_failures=5, breaker_pause_s=60.0)
    sink = DiceSink(Random(1), (503,), (0.0, 0.001))
    async with Journal(tmp_path, size_max_bytes=SIZE_MAX_BYTES) as journal:
        street = Street(journal.channel("ns/b"), sink, SOON, limits, manner)
        async with street.channel:
            await street.begin()
            await street.publish([f"k{number % 8}" for number in range(200)])
            await until(lambda: street.lane.parked >= 150)
            await street.kill()
    connection = apsw.Connection(str(tmp_path / "journal.db"))
    connection.execute(f"UPDATE parked SET {number}")
    connection.close()
    async with Journal(tmp_path, size_max_bytes=SIZE_MAX_BYTES) as journal:
        street.channel, street.sink.answers = journal.channel("ns/b"), GOOD
        async with street.channel:
            await street.begin()
            await until(lambda: street.lane.done == 200)
            await until(lambda: not street.lane.waiting)
            await street.kill()
