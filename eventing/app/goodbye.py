"""How a server leaves."""

import asyncio
import logging
from typing import Final

from eventing.app.doors import Doors
from eventing.app.stop import Stop
from eventing.reconcilers.controller import Controller

DRAIN_INTERVAL_S: Final = 0.02

_log = logging.getLogger(__name__)


async def run_until_drained(doors: Doors, controller: Controller, stop: Stop) -> None:
    """Serve until it is asked to stop, then leave in two phases within one time limit.

    First the doors stay open and refuse events (503 with Retry-After; health and the ops API still answer), while what
    was accepted is delivered: until nothing moves any more. What waits for a failing sink, or for a retry that is due
    later, does not move. Then the doors close.
    """
    await stop.wait()
    doors.intake.is_draining = True
    controller.plane.hold()
    while stop.left_s and controller.plane.is_moving:  # noqa: ASYNC110 - counters on the hot path set no asyncio.Event
        await asyncio.sleep(DRAIN_INTERVAL_S)
    await doors.close(stop.left_s)
    _report_left(controller)


def _report_left(controller: Controller) -> None:
    """Nothing that was accepted goes without a word."""
    words = "%d undelivered events of Broker %s/%s are lost: its channel is in memory"
    for key, served in controller.brokers.items():
        channel = served.broker.channel
        if channel is not None and not channel.features.persistent and (left := channel.statistics().events):
            _log.warning(words, left, key.namespace, key.name)
