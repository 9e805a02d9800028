"""Triggers that read by a group of their own: those that start in the past of a channel that several processes share.

To join the fan out at an exact position takes a single process. So such a Trigger never does: its group is read by all
processes that hand events on, each with a lane for it, and its queues are the group's. The price is that every event is
read and judged once more for each such Trigger.

What the channel remembers by the group's name says how far that is: `reading`, it goes on; `over`, the Trigger was
removed, and the group is to be forgotten. Other processes leave it at their own pace, and a channel forgets only what
has no member, so each of them asks for it when it has left, and once more later.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Final, Protocol

from channels.contract import Channel, Receipt, Subscription
from channels.event import Event
from dispatcher.fanout import BATCH_MAX, Fanout
from dispatcher.sighting import Sightings
from dispatcher.takeover import Takeover
from dispatcher.tasks import supervise
from dispatcher.trigger import Trigger, TriggerHost, TriggerSpec

PARKED_MAX: Final = 4096
"""Events that may wait in the Trigger's queue before more are read: there they are kept a second time."""
LOOK_INTERVAL_S: Final = 0.02
FORGET_WAITS_S: Final = (0.0, 10.0, 120.0)
"""When a group is to be forgotten after it was left: others may leave it later, or be found to have vanished."""
GROUP_PREFIX: Final = "start/"
"""What the names of such groups begin with, before that of the Trigger."""
_READING: Final = b"reading"
_OVER: Final = b"over"


class Host(Protocol):
    """The Broker of such Triggers."""

    label: str
    replies: int
    sightings: Sightings | None

    def publish_reply(self, event: Event, receipt: Receipt) -> None:
        """Store the event, and tell the receipt."""

    def remember(self, trigger: str, note: bytes | None) -> None:
        """Keep that note about the Trigger of that name, or none any more."""

    def create_trigger(self, name: str, host: TriggerHost, subscription: Subscription) -> Trigger:
        """A Trigger by its latest specification, which gets events from that host."""


class OwnGroups:
    """Of one Broker on one channel. Its `triggers` come to have such a one when its group is joined."""

    def __init__(self, channel: Channel, host: Host, triggers: dict[str, Trigger]) -> None:
        self._channel = channel
        self._host = host
        self._triggers = triggers
        self._readers: dict[str, _Reader] = {}
        self._endings: dict[str, asyncio.Task[None]] = {}

    def __contains__(self, name: str) -> bool:
        """Does the Trigger of that name read by a group of its own?"""
        return name in self._readers

    def tidy(self) -> None:
        """Forget what earlier processes had no time to."""
        for name, found in [*self._channel.remembered.items()]:
            if name.startswith(GROUP_PREFIX) and found == _OVER:
                self._end(name.removeprefix(GROUP_PREFIX))

    def wants(self, name: str, spec: TriggerSpec, *, is_new: bool) -> bool:
        """Whether the Trigger is to have one: it had, or it is new and starts in the past, where there is one."""
        features = self._channel.features
        if not (features.shared and features.replayable):
            return False
        return self._channel.remembered.get(GROUP_PREFIX + name) == _READING or (is_new and spec.start != "latest")

    def begin(self, name: str, spec: TriggerSpec) -> None:
        """Join the group, and read. After whoever had this name before has left here."""
        ending = self._endings.pop(name, None)
        if ending is not None:
            ending.cancel()
        self._channel.remember(GROUP_PREFIX + name, _READING)
        self._readers[name] = _Reader(name, spec, self._channel, self._host, self._triggers, ending)

    def update(self, name: str, spec: TriggerSpec) -> None:
        """Judge by this from the next event on."""
        self._readers[name].update(spec)

    def stop_but(self, names: Collection[str]) -> None:
        """All others are removed: of their groups nothing is left in the end."""
        for name in [name for name in self._readers if name not in names]:
            self._host.remember(name, None)  # it may never have come to work
            self._channel.remember(GROUP_PREFIX + name, _OVER)
            self._end(name, self._readers.pop(name).stop())

    def write_down(self) -> None:
        """For the channel to call when it puts a commit together: what was parked belongs in one with its ack."""
        for reader in self._readers.values():
            reader.write_down()

    def hold(self) -> None:
        """Read nothing more; Triggers are held by the Broker."""
        for reader in self._readers.values():
            reader.hold()

    async def close(self, end: Callable[[Trigger], None]) -> None:
        """Each Trigger is ended, and its group left when this returns."""
        for name in self._readers:
            trigger = self._triggers.pop(name, None)
            if trigger is not None:
                end(trigger)
        tasks = [reader.stop() for reader in self._readers.values()]
        for ending in self._endings.values():
            ending.cancel()
            tasks.append(ending)
        await _wait(*tasks)
        self._readers.clear()

    def _end(self, name: str, reader: asyncio.Task[None] | None = None) -> None:
        before = self._endings.get(name)

        async def end() -> None:
            await _wait(before, reader)
            for wait_s in FORGET_WAITS_S:
                await asyncio.sleep(wait_s)
                self._channel.forget(GROUP_PREFIX + name)
            if self._channel.remembered.get(GROUP_PREFIX + name) == _OVER:
                self._channel.remember(GROUP_PREFIX + name, None)
            self._endings.pop(name, None)

        self._endings[name] = asyncio.create_task(end())


class _Reader:
    """One group's membership in this process. To its Trigger it is what the Broker is to others."""

    def __init__(
        self,
        name: str,
        spec: TriggerSpec,
        channel: Channel,
        host: Host,
        triggers: dict[str, Trigger],
        after: asyncio.Task[None] | None,
    ) -> None:
        """Begin, when that task has ended."""
        self.publish_reply = host.publish_reply
        self.remember = host.remember
        self.sightings = host.sightings
        self._name = name
        self._spec = spec
        self._channel = channel
        self._host = host
        self._triggers = triggers
        self._fanout = Fanout()
        self.exit = self._fanout.exit
        self.settle = self._fanout.settle
        self.settle_all = self._fanout.settle_all
        self.watch = self._fanout.watch
        self.touch = self._fanout.touch
        self.write_down = self._fanout.write_down
        self._subscription: Subscription | None = None
        self._label = f"start of {host.label}/{name}"
        self._reading: asyncio.Task[None] | None = None
        self._task = asyncio.create_task(self._run(after), name=self._label)

    @property
    def judged(self) -> int:
        """Events offered to the Trigger, or turned away by its filter."""
        return self._fanout.judged

    @property
    def replies(self) -> int:
        """The Broker's."""
        return self._host.replies

    @replies.setter
    def replies(self, replies: int) -> None:
        self._host.replies = replies

    def update(self, spec: TriggerSpec) -> None:
        """Judge by this from the next event on."""
        self._spec, before = spec, self._spec
        if spec is before or spec == before:
            return
        trigger = self._triggers.get(self._name)
        if trigger is not None:
            trigger.update(spec)
            self._index(trigger)

    def hold(self) -> None:
        """Read nothing more; what has ended is acked until the end."""
        (self._task if self._reading is None else self._reading).cancel()

    def stop(self) -> asyncio.Task[None]:
        """Leave. The task ends when it has left."""
        self._task.cancel()
        return self._task

    async def _run(self, after: asyncio.Task[None] | None) -> None:
        await _wait(after)
        await supervise(self._label, self._join)

    async def _join(self) -> None:
        """Be a member until cancelled. Raises ChannelUnavailable."""
        async with self._channel.subscribe(GROUP_PREFIX + self._name, start=self._spec.start) as subscription:
            self._subscription = subscription
            self._fanout.begin(subscription)
            trigger = self._triggers[self._name] = self._host.create_trigger(self._name, self, subscription)
            self._index(trigger)
            takeover = Takeover(subscription, self._fanout, lambda: (trigger,))
            try:
                self._reading = asyncio.create_task(supervise(self._label, lambda: self._read(trigger)))
                await _wait(self._reading)
                await asyncio.get_running_loop().create_future()  # what is in flight ends, until the Broker is closed
            finally:
                if self._reading is not None:
                    self._reading.cancel()
                    await asyncio.wait([self._reading])
                takeover.end()
                self._fanout.end()

    async def _read(self, trigger: Trigger) -> None:
        """Until cancelled. Raises ChannelUnavailable."""
        assert self._subscription is not None
        while True:
            while self.exit.is_closed or trigger.parked >= PARKED_MAX:  # noqa: ASYNC110 - as in the catch-ups
                await asyncio.sleep(LOOK_INTERVAL_S)
            self._fanout.judge(await self._subscription.receive(BATCH_MAX))
            await asyncio.sleep(0)

    def _index(self, trigger: Trigger) -> None:
        assert self._subscription is not None
        self._fanout.replace([(trigger.spec.predicate, trigger)])
        self._subscription.keep_order(is_needed=trigger.spec.manner.order is not None)


async def _wait(*tasks: asyncio.Task[None] | None) -> None:
    """Until they have ended, however they do."""
    running = [task for task in tasks if task is not None]
    if running:
        await asyncio.wait(running)
