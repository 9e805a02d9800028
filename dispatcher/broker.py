"""One Broker at work: its channel, the fan out over it, and its Triggers. A Channel at work is the same: its lanes are
those of its Subscriptions.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from channels.contract import Channel, ChannelStatistics, Receipt, Subscription
from channels.dead_letter import Address, DeadLetters
from channels.errors import ChannelUnavailable
from channels.event import TTL_MAX, Event
from dispatcher.catchup import CatchUps
from dispatcher.fanout import GROUP, Fanout, Taker
from dispatcher.jitter import draw_spread
from dispatcher.lane import LaneLimits
from dispatcher.own_group import OwnGroups
from dispatcher.parking import trigger_of
from dispatcher.sighting import Sightings
from dispatcher.takeover import Takeover
from dispatcher.tasks import supervise
from dispatcher.trigger import Trigger, TriggerHost, TriggerSpec
from dispatcher.trigger_state import note_name, noted_trigger

CHANNEL_PREFIX: Final = "channels/"
"""What tells a Channel from a Broker of its name and namespace: no name has a slash in it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What an open Broker stands on."""

    channel: Channel
    subscription: Subscription
    dead_letters: DeadLetters
    limits: LaneLimits
    catchups: CatchUps
    own_groups: OwnGroups
    takeover: Takeover
    before: ChannelStatistics
    """Of the channel, when the Broker was opened."""
    lag_before: int
    """Events that were to be judged then, and those that had been."""


class Broker:
    """Made when the resource appears, closed when it is gone or the process ends; in between it is given a channel.

    It judges nothing until it was told of its Triggers once: what an earlier process left is theirs.

    With `is_channel` it is a Channel, and its Triggers are Subscriptions: it has other names, counts no hops (Knative's
    Channels do not), and nothing is published into it as a reply.
    """

    def __init__(
        self,
        namespace: str,
        name: str,
        *,
        event_size_max_bytes: int,
        is_channel: bool = False,
        ttl_max: int = TTL_MAX,
        sightings: Sightings | None = None,
        spread: Callable[[], float] = draw_spread,
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.event_size_max_bytes = event_size_max_bytes
        self.is_channel = is_channel
        self.ttl_max = None if is_channel else ttl_max
        """Hops of an event that comes with no count of its own; None where none are counted."""
        self.title = f"{CHANNEL_PREFIX}{name}" if is_channel else name
        """Its name among the Brokers and Channels of its namespace: in dead letters, metrics and the ops API."""
        self.label = label_of(namespace, name, is_channel=is_channel)
        self.sightings = sightings
        """Notices which types of events come, where somebody wants to know."""
        self.unready = f"the {'Channel' if is_channel else 'Broker'} has no channel"
        """Why events cannot be stored, while `channel` is None."""
        self.channel: Channel | None = None
        self.triggers: dict[str, Trigger] = {}
        self.replies = 0
        """Replies of sinks stored in this Broker."""
        self._spread = spread
        self._specs: Mapping[str, TriggerSpec] | None = None
        self._fanout = Fanout()
        self.entrance = self._fanout.entrance
        """Closed while producers are to wait."""
        self.exit = self._fanout.exit
        """Closed by lanes that are behind and catching up."""
        self.settle = self._fanout.settle
        self.settle_all = self._fanout.settle_all
        self.watch = self._fanout.watch
        self.touch: Callable[[Taker], None] = self._fanout.touch
        self._ground: _Ground | None = None
        self._stack = AsyncExitStack()
        self._task: asyncio.Task[None] | None = None
        self._is_held = False
        self._is_dropping = False

    @property
    def path(self) -> bytes:
        """Where the ingress finds it."""
        return f"/{self.label}".encode()

    @property
    def judged(self) -> int:
        """Events offered to its Triggers so far."""
        return self._fanout.judged

    @property
    def lag(self) -> int:
        """Events stored and not yet judged."""
        return self._fanout.lag

    @property
    def unaccounted(self) -> int:
        """0 while every event stored since the Broker was opened, or left for it then, was judged or is still to be.
        Where several processes share the channel: while what this one received was judged, or given back.
        """
        ground, fanout = self._ground, self._fanout
        if ground is None:
            return 0
        if ground.channel.features.shared:
            return fanout.received - fanout.judged - fanout.given_back
        now = ground.channel.statistics()
        came = now.stored - ground.before.stored + ground.lag_before
        return came - self.judged - self.lag - (now.damaged - ground.before.damaged)

    @property
    def orphans(self) -> Mapping[str, int]:
        """What the channel keeps for Triggers that do not exist, which may come back: their names, and how many events
        wait for them.
        """
        ground = self._ground
        if ground is None or self._specs is None:
            return {}
        found: Counter[str] = Counter()
        for noted in map(noted_trigger, ground.channel.remembered):
            if noted is not None:
                found[noted] = 0
        for name, queue in ground.subscription.queues.items():
            found[trigger_of(name)] += queue.events
        return {name: found[name] for name in sorted(found.keys() - self.triggers.keys())}

    async def open(
        self, channel: Channel, *, dead_letters: DeadLetters, limits: LaneLimits, reads: bool = True
    ) -> None:
        """Take events into this channel, and hand them to the Triggers, from now on. Raises ChannelUnavailable.

        Unless it `reads`, other processes hand them on: there is no Trigger at work here, and nothing is judged. Either
        way what is stored from now on is kept for the Triggers.

        Where it raises, or is cancelled, nothing is left open.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(channel)
            if reads:
                subscription = await stack.enter_async_context(channel.subscribe(GROUP))
                self._fanout.begin(subscription)
                self._ground = _Ground(
                    channel=channel,
                    subscription=subscription,
                    dead_letters=dead_letters,
                    limits=limits,
                    catchups=CatchUps(self.label, channel, self._fanout, self._join),
                    own_groups=OwnGroups(channel, self, self.triggers),
                    takeover=Takeover(subscription, self._fanout, self._find_joined),
                    before=channel.statistics(),
                    lag_before=subscription.lag + self.judged,
                )
                stack.push_async_callback(self._leave)
                channel.before_commit(self._fanout.write_down)
                channel.before_commit(self._ground.own_groups.write_down)
                self._tidy(self._ground)
                self._apply()
            else:
                await channel.ensure(GROUP)
            self._stack = stack.pop_all()
        self.channel = channel

    async def close(self, *, is_deleted: bool = False) -> None:
        """Stop reading, write down what became of the events, close the channel. May be called again.

        What the Triggers still hold stays in the channel, for the Broker of the next process; it is dropped where the
        channel cannot keep it, or where the Broker is deleted.
        """
        self.channel = None
        self._is_dropping = is_deleted
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    def hold(self) -> None:
        """Judge nothing more, begin no attempt: what is in flight ends. For a process that is about to end."""
        self._is_held = True
        if self._task is not None:
            self._task.cancel()
        if self._ground is not None:
            self._ground.catchups.hold()
            self._ground.own_groups.hold()
        for trigger in self.triggers.values():
            trigger.hold()

    def replace_triggers(self, specs: Mapping[str, TriggerSpec]) -> None:
        """Judge by these from the next event on: Triggers are added, changed in place, and removed with all they hold.

        Without a channel they come to be when there is one.
        """
        self._specs = dict(specs)
        self._apply()

    def submit(self, events: Sequence[Event], receipt: Receipt) -> None:
        """Store events, or refuse them where there is no channel."""
        if self.channel is None:
            receipt.refused(ChannelUnavailable(self.unready))
            return
        self.channel.submit(events, receipt)
        if self.sightings is not None:
            self.sightings.notice(events)

    def regulate(self) -> None:
        """Close the entrance where what was just stored is more than can be judged at once."""
        self._fanout.regulate()

    def publish_reply(self, event: Event, receipt: Receipt) -> None:
        """Store a sink's reply: it is judged by all Triggers, the one that brought it among them."""
        self.submit((event,), receipt)

    def remember(self, trigger: str, note: bytes | None) -> None:
        """Keep that note about the Trigger of that name, or none any more."""
        channel = self.channel if self._ground is None else self._ground.channel
        if channel is not None:
            channel.remember(note_name(trigger), note)

    def _apply(self) -> None:
        """Make the Triggers what the specs say; begin to read where that is their first word."""
        ground, specs = self._ground, self._specs
        if ground is None or specs is None:
            return
        gone = [self.triggers.pop(name) for name in self.triggers.keys() - specs.keys()]
        for name, spec in specs.items():
            trigger = self.triggers.get(name)
            if name in ground.own_groups:
                ground.own_groups.update(name, spec)
            elif trigger is None:
                self._add(ground, name, spec)
            elif trigger.spec is not spec and trigger.spec != spec:
                trigger.update(spec)
        self._index()
        for trigger in gone:
            self._remove(ground, trigger)
        ground.own_groups.stop_but(specs.keys())
        if self._task is None and not self._is_held:
            label = f"fan out of {self.label}"
            self._task = asyncio.create_task(supervise(label, self._fanout.run), name=label)
            self._warn_of_orphans()

    def _add(self, ground: _Ground, name: str, spec: TriggerSpec) -> None:
        """A Trigger that the channel does not know is new, and begins where it is to start."""
        is_new = ground.channel.remembered.get(note_name(name)) is None
        if ground.own_groups.wants(name, spec, is_new=is_new):
            if not self._is_held:
                ground.own_groups.begin(name, spec)
            return
        trigger = self.triggers[name] = self.create_trigger(name, self, ground.subscription)
        if self._is_held:
            trigger.hold()
        elif not is_new:
            ground.catchups.resume(trigger)
        elif spec.start != "latest" and ground.channel.features.replayable:
            ground.catchups.begin(trigger)
        if name in ground.catchups:
            trigger.judged_before = None

    def create_trigger(self, name: str, host: TriggerHost, subscription: Subscription) -> Trigger:
        """One by its latest specification, which gets events from that host, and parks them by that membership."""
        ground, specs = self._ground, self._specs
        assert ground is not None
        assert specs is not None
        return Trigger(
            Address(self.namespace, self.title, name),
            specs[name],
            broker=host,
            dead_letters=ground.dead_letters,
            limits=ground.limits,
            subscription=subscription,
            state=ground.channel.remembered.get(note_name(name)),
            judged=host.judged,
            spread=self._spread,
            is_shared=ground.channel.features.shared,
        )

    def _remove(self, ground: _Ground, trigger: Trigger) -> None:
        ground.catchups.stop(trigger.name)
        trigger.close()
        self._fanout.discard(trigger)

    def _join(self, trigger: Trigger) -> None:
        """It has caught up."""
        trigger.judged_before = self.judged
        self._index()

    def _find_joined(self) -> list[Trigger]:
        """Those that are offered what the fan out reads, or are going to be."""
        ground = self._ground
        return [one for name, one in self.triggers.items() if ground is None or name not in ground.own_groups]

    def _index(self) -> None:
        ground, joined = self._ground, self._find_joined()
        self._fanout.replace(
            (trigger.spec.predicate, trigger)
            for trigger in joined
            if ground is None or trigger.name not in ground.catchups
        )
        if ground is not None:
            is_ordered = any(trigger.spec.manner.order is not None for trigger in joined)
            ground.subscription.keep_order(is_needed=is_ordered)

    def _tidy(self, ground: _Ground) -> None:
        """Forget groups that earlier processes had no time to."""
        (ground.own_groups if ground.channel.features.shared else ground.catchups).tidy()

    def _warn_of_orphans(self) -> None:
        waiting = {name: events for name, events in self.orphans.items() if events}
        if waiting:
            told = ", ".join(f"{name} ({events})" for name, events in waiting.items())
            _log.warning("%s keeps events for Triggers that do not exist: %s", self.label, told)

    async def _leave(self) -> None:
        """The end of what `open` began."""
        ground = self._ground
        assert ground is not None
        is_dropping = self._is_dropping or not ground.channel.features.persistent
        end = Trigger.close if is_dropping else Trigger.leave
        try:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
            await ground.catchups.close()
            await ground.own_groups.close(end)
        finally:
            for trigger in self.triggers.values():
                end(trigger)
            self._fanout.replace(())
            self._fanout.end()
            ground.takeover.end()
            self.triggers.clear()
            self._ground = self._task = None


def label_of(namespace: str, name: str, *, is_channel: bool) -> str:
    """The name of a Broker or Channel in the whole server: its path, and what its events rest under."""
    return f"{CHANNEL_PREFIX if is_channel else ''}{namespace}/{name}"
