"""Start positions: a Trigger that begins in the past reads it by a group of its own, until it has reached the fan out.

What matches is parked in the Trigger's queue and acked in the same turn, so that a crash neither loses nor repeats any
of it. It takes nothing that the fan out has not judged: so once it has taken all that was, the Trigger may join the
index, and the next event is the fan out's.

What the channel remembers by the group's name says how far that is: `due`, the group has to be made anew; `reading`, it
goes on; `over`, the Trigger joined or was removed, and the group may be forgotten when nobody is in it any more.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Coroutine, Sequence
from operator import attrgetter
from typing import Any, Final

from channels.contract import Channel, Delivery, Subscription
from dispatcher.fanout import BATCH_MAX, Fanout
from dispatcher.tasks import supervise
from dispatcher.trigger import Trigger

PARKED_MAX: Final = 4096
"""Events that may wait in the Trigger's queue before more are read: there they are kept a second time."""
LOOK_INTERVAL_S: Final = 0.02
_PREFIX: Final = "start/"
_DUE: Final = b"due"
_READING: Final = b"reading"
_OVER: Final = b"over"
_position: Final = attrgetter("position")


class CatchUps:
    """The Triggers of one Broker that are catching up. `join` is called when one of them is to enter the index."""

    def __init__(self, label: str, channel: Channel, fanout: Fanout, join: Callable[[Trigger], None]) -> None:
        self._label = label
        self._channel = channel
        self._fanout = fanout
        self._join = join
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._endings: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def tidy(self) -> None:
        """Forget what earlier processes had no time to."""
        for name, found in [*self._channel.remembered.items()]:
            if name.startswith(_PREFIX) and found == _OVER:
                self._end(name.removeprefix(_PREFIX))

    def __contains__(self, name: str) -> bool:
        """Is the Trigger of that name catching up?"""
        return name in self._readers

    def begin(self, trigger: Trigger) -> None:
        """This one is new."""
        self._channel.remember(_PREFIX + trigger.name, _DUE)
        self._follow(trigger)

    def resume(self, trigger: Trigger) -> None:
        """This one existed before: it goes on, if it was catching up."""
        if self._channel.remembered.get(_PREFIX + trigger.name) in (_DUE, _READING):
            self._follow(trigger)

    def stop(self, name: str) -> None:
        """The Trigger is removed. Of its group nothing is left once its reader is."""
        reader = self._readers.pop(name, None)
        if reader is not None:
            self._channel.remember(_PREFIX + name, _OVER)
            reader.cancel()
            self._end(name, reader)

    def hold(self) -> None:
        """Read nothing more: it is for another process to go on."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """As `hold`, and every group was left when this returns."""
        self.hold()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _follow(self, trigger: Trigger) -> None:
        """After whoever had this name before has left, read."""
        ending = self._endings.get(trigger.name)
        label = f"start of {self._label}/{trigger.name}"

        async def follow() -> None:
            await _wait(ending)
            await supervise(label, lambda: self._read(trigger))

        self._readers[trigger.name] = self._create_task(follow())

    def _end(self, name: str, reader: asyncio.Task[None] | None = None) -> None:
        """Tidy up after the last one has left."""
        ending = self._endings.get(name)

        async def end() -> None:
            await _wait(reader, ending)
            self._channel.forget(_PREFIX + name)
            if self._channel.remembered.get(_PREFIX + name) == _OVER:
                self._channel.remember(_PREFIX + name, None)
            if self._endings[name] is asyncio.current_task():
                del self._endings[name]

        self._endings[name] = self._create_task(end())

    def _create_task(self, run: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _read(self, trigger: Trigger) -> None:
        """Until the Trigger has joined. Raises ChannelUnavailable."""
        group = _PREFIX + trigger.name
        found = self._channel.remembered.get(group)
        if found == _OVER:
            return  # it had joined, and crashed when it left its group
        if found == _DUE:
            # In one turn with the group's beginning: a process that finds one finds the other.
            self._channel.forget(group)
            self._channel.remember(group, _READING)
        async with self._channel.subscribe(group, start=trigger.spec.start) as subscription:
            while True:
                if await self._has_reached(trigger, subscription):
                    break
                await asyncio.sleep(0)
            # Nothing was awaited since the last event was taken.
            self._channel.remember(group, _OVER)
            self._end(trigger.name, self._readers.pop(trigger.name))
            self._join(trigger)

    async def _has_reached(self, trigger: Trigger, subscription: Subscription) -> bool:
        """Read on, or wait where that is of no use. True where everything was taken that the fan out has judged."""
        fanout = self._fanout
        if not subscription.lag and not fanout.lag:
            return True
        if not subscription.lag or trigger.lane.parked >= PARKED_MAX:
            await asyncio.sleep(LOOK_INTERVAL_S)
            return False
        batch = await subscription.receive(BATCH_MAX)
        while fanout.frontier is None and fanout.lag:  # noqa: ASYNC110 - the hot path sets no asyncio.Event for this
            await asyncio.sleep(LOOK_INTERVAL_S)
        return self._take(trigger, subscription, batch)

    def _take(self, trigger: Trigger, subscription: Subscription, batch: Sequence[Delivery]) -> bool:
        """Take what the fan out has judged. True where there was more, which is going to be the fan out's."""
        frontier = self._fanout.frontier
        judged = batch if frontier is None else batch[: bisect_right(batch, frontier, key=_position)]
        matches = trigger.spec.predicate.matches
        trigger.backfill([delivery for delivery in judged if matches(delivery.event)], len(judged))
        subscription.ack(judged)
        return len(judged) < len(batch)


async def _wait(*tasks: asyncio.Task[None] | None) -> None:
    """Until they have ended, however they do."""
    running = [task for task in tasks if task is not None]
    if running:
        await asyncio.wait(running)
