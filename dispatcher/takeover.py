"""What other processes do to one membership, told to the Triggers whose queues are there."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Final

from channels.contract import Queue, Subscription
from dispatcher.fanout import Fanout
from dispatcher.parking import trigger_of
from dispatcher.trigger import Trigger

PATIENCE_S: Final = 3.0
"""For how long Triggers keep out of memory what waits, where nobody says that a takeover is over."""


class Takeover:
    """Watches a membership."""

    def __init__(self, subscription: Subscription, fanout: Fanout, triggers: Callable[[], Collection[Trigger]]) -> None:
        self._subscription = subscription
        self._fanout = fanout
        self._triggers = triggers
        self._timer: asyncio.TimerHandle | None = None
        subscription.watch(self)

    def end(self) -> None:
        """Nobody is told any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._triggers = tuple

    def give_way(self) -> None:
        """Park what waits, ack what has settled. May be called again."""
        for trigger in self._triggers():
            trigger.give_way()
        self._fanout.write_down()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._go_on)

    def queues_changed(self) -> None:
        """Go on with what is there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        queues: defaultdict[str, dict[str, Queue]] = defaultdict(dict)
        for name, queue in self._subscription.queues.items():
            queues[trigger_of(name)][name] = queue
        for trigger in self._triggers():
            trigger.conform(queues.get(trigger.name, {}))
        self._fanout.write_down()

    def _go_on(self) -> None:
        self._timer = None
        for trigger in self._triggers():
            trigger.go_on()
