"""Who stood still knows it at once."""

import asyncio
import time

import pytest

from channels.kafka.consumer import Timing
from channels.kafka.pulse import Pulse

TIMING = Timing(session_s=0.2, heartbeat_s=0.05)
PATIENCE_S = 0.15


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
async def pulse(told: list[str]) -> Pulse:
    return Pulse(TIMING, lambda: told.append("stopped"))


async def test_who_was_stopped_for_longer_than_a_session_less_a_heartbeat_is_told_once(
    pulse: Pulse, told: list[str]
) -> None:
    """Before anything else runs, where it looks."""
    pulse.start()
    time.sleep(PATIENCE_S)
    pulse.look()
    pulse.look()
    assert ["stopped"] == told
    await asyncio.sleep(TIMING.heartbeat_s)
    assert ["stopped"] == told
    pulse.close()


async def test_it_is_told_though_nobody_looks(pulse: Pulse, told: list[str]) -> None:
    pulse.start()
    time.sleep(PATIENCE_S)
    await asyncio.sleep(0.01)
    assert ["stopped"] == told
    pulse.close()


@pytest.mark.looptime
async def test_who_runs_is_never_told(pulse: Pulse, told: list[str]) -> None:
    """However long."""
    pulse.start()
    for _ in range(100):
        await asyncio.sleep(0.1)
        pulse.look()
    pulse.close()
    assert [] == told


@pytest.mark.looptime
async def test_before_its_start_and_after_its_end_it_says_nothing(pulse: Pulse, told: list[str]) -> None:
    """There is nothing to be lost."""
    pulse.look()
    pulse.start()
    pulse.close()
    await asyncio.sleep(10.0)
    pulse.look()
    assert [] == told
