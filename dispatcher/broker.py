"""One Broker at work: its channel, the fan out over it, and its Triggers."""

import asyncio
from collections.abc import Mapping, Sequence

from channels.contract import Channel, Receipt
from channels.errors import ChannelUnavailable
from channels.event import Event
from dispatcher.deadletter import DeadLetterStore
from dispatcher.fanout import Fanout
from dispatcher.lane import LaneLimits
from dispatcher.tasks import supervise
from dispatcher.trigger import Trigger, TriggerSpec


class Broker:
    """Made when the resource appears, closed when it is gone; in between it is given a channel."""

    def __init__(
        self, namespace: str, name: str, *, dead_letters: DeadLetterStore, limits: LaneLimits, event_size_max_bytes: int
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.event_size_max_bytes = event_size_max_bytes
        self.unready = "the Broker has no channel"
        """Why events cannot be stored, while `channel` is None."""
        self.channel: Channel | None = None
        self.triggers: dict[str, Trigger] = {}
        self.replies = 0
        """Replies of sinks stored in this Broker."""
        self._dead_letters = dead_letters
        self._limits = limits
        self._fanout = Fanout()
        self.entrance = self._fanout.entrance
        """Closed while producers are to wait."""
        self.exit = self._fanout.exit
        """Closed by lanes that are behind and catching up."""
        self.settle = self._fanout.settle
        self.settle_all = self._fanout.settle_all
        self._task: asyncio.Task[None] | None = None

    @property
    def path(self) -> bytes:
        """Where the ingress finds it."""
        return f"/{self.namespace}/{self.name}".encode()

    @property
    def judged(self) -> int:
        """Events offered to its Triggers so far."""
        return self._fanout.judged

    async def open(self, channel: Channel) -> None:
        """Take events into this channel, and hand them to the Triggers, from now on. Raises ChannelUnavailable."""
        await channel.__aenter__()
        fanout = self._fanout
        name = f"fan out of {self.namespace}/{self.name}"
        self._task = asyncio.create_task(supervise(name, lambda: fanout.run(channel)), name=name)
        await fanout.joined.wait()
        self.channel = channel

    async def close(self) -> None:
        """Stop reading, drop what the Triggers still hold, close the channel. May be called again."""
        channel, self.channel = self.channel, None
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.replace_triggers({})
        if channel is not None:
            await channel.__aexit__(None, None, None)

    def replace_triggers(self, specs: Mapping[str, TriggerSpec]) -> None:
        """Judge by these from the next event on: Triggers are added, changed in place, and closed."""
        gone = [self.triggers.pop(name) for name in self.triggers.keys() - specs.keys()]
        for name, spec in specs.items():
            if name not in self.triggers:
                self.triggers[name] = self._create_trigger(name, spec)
            elif self.triggers[name].spec != spec:
                self.triggers[name].update(spec)
        self._fanout.replace((trigger.spec.predicate, trigger.lane) for trigger in self.triggers.values())
        for trigger in gone:
            trigger.close()

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        """Store events, or refuse them where there is no channel."""
        if self.channel is None:
            receipt.refused(ChannelUnavailable(self.unready))
        else:
            self.channel.submit(events, receipt)

    def regulate(self) -> None:
        """Close the entrance where what was just stored is more than can be judged at once."""
        if self.channel is not None:
            self._fanout.regulate(self.channel)

    def publish_reply(self, event: Event, receipt: Receipt) -> None:
        """Store a sink's reply: it is judged by all Triggers, the one that brought it among them."""
        self.submit((event,), receipt)

    def _create_trigger(self, name: str, spec: TriggerSpec) -> Trigger:
        return Trigger(
            (self.namespace, self.name, name),
            spec,
            broker=self,
            dead_letters=self._dead_letters,
            limits=self._limits,
            judged=self.judged,
        )
