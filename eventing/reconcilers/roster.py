"""The reconcilers of all kinds, in the order in which one pass is enough."""

import asyncio
from collections.abc import Callable
from typing import Final

from eventing.engine import engine_defaults
from eventing.reconcilers import backing_channel, source
from eventing.reconcilers.backing_channel import BackingChannelReconciler
from eventing.reconcilers.broker import BrokerReconciler
from eventing.reconcilers.channel import ChannelReconciler
from eventing.reconcilers.event_type import EventTypeReconciler
from eventing.reconcilers.plane import Plane
from eventing.reconcilers.served import ServedTrigger
from eventing.reconcilers.source import SourceReconciler
from eventing.reconcilers.subscription import Subscribers, SubscriptionReconciler
from eventing.reconcilers.trigger import TriggerReconciler
from eventing.reconcilers.turn import Turn
from eventing.resources.broker import BROKER
from eventing.resources.catalogue import Catalogue
from eventing.resources.channel import CHANNEL
from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.identity import GroupKind, Key
from eventing.resources.subscription import SUBSCRIPTION
from eventing.resources.trigger import TRIGGER
from eventing.settings import Settings
from eventing.specification import Sinks, Specifier
from eventing.world import World

TURN_ITEMS: Final = 64
"""Objects looked at without letting the event loop turn: a few milliseconds of its time."""


class Roster:
    """Has every kind's objects looked at. `triggers` become the Triggers and Subscriptions that there are;
    `forget_type` hears of EventTypes that are gone.
    """

    def __init__(
        self,
        *,
        world: World,
        plane: Plane,
        sinks: Sinks,
        catalogue: Catalogue,
        settings: Settings,
        triggers: dict[Key, ServedTrigger],
        forget_type: Callable[[Key], None],
    ) -> None:
        self._world = world
        specifier, subscribers, defaults = Specifier(sinks, settings), Subscribers(), engine_defaults(settings)
        self._brokers = BrokerReconciler(world=world, plane=plane, sinks=sinks, defaults=defaults)
        self._backing = BackingChannelReconciler(
            world=world, plane=plane, sinks=sinks, subscribers=subscribers, defaults=defaults
        )
        self._subscriptions = SubscriptionReconciler(
            world=world,
            plane=plane,
            specifier=specifier,
            catalogue=catalogue,
            subscriptions=triggers,
            subscribers=subscribers,
        )
        of_triggers = TriggerReconciler(
            world=world, plane=plane, specifier=specifier, catalogue=catalogue, triggers=triggers
        )
        sources = SourceReconciler(world=world, sinks=sinks)
        self._others: dict[GroupKind, Callable[[Key, Turn], None]] = {
            CHANNEL.group_kind: ChannelReconciler(world=world, catalogue=catalogue).reconcile,
            **dict.fromkeys(source.KINDS, sources.reconcile),
            TRIGGER.group_kind: of_triggers.reconcile,
            EVENT_TYPE.group_kind: EventTypeReconciler(world=world, forget=forget_type).reconcile,
        }

    async def look_at(self, affected: set[Key], turn: Turn) -> None:
        """One pass. Brokers and channels come first, so that what is sent to them finds them; channels say who
        subscribes once their Subscriptions were looked at, and what depends on anything comes last.
        """
        by_kind: dict[GroupKind, list[Key]] = {}
        for key in sorted(affected):
            by_kind.setdefault(key.group_kind, []).append(key)
        for key in by_kind.pop(BROKER.group_kind, ()):
            await self._brokers.reconcile(key, turn)
        channels = {key for kind in backing_channel.KINDS for key in by_kind.pop(kind, ())}
        for key in sorted(channels, key=lambda key: (self._world.get(key) is not None, key)):
            await self._backing.serve(key)  # those that are gone first: they leave their names to others
        number = 0
        for key in by_kind.pop(SUBSCRIPTION.group_kind, ()):
            channels |= self._subscriptions.reconcile(key, turn)
            number = await _breathe(number)
        for key in sorted(channels):
            if key.group_kind in backing_channel.KINDS:
                self._backing.settle(key, turn)
                number = await _breathe(number)
        for kind, reconcile in self._others.items():
            for key in by_kind.pop(kind, ()):
                reconcile(key, turn)
                number = await _breathe(number)


async def _breathe(number: int) -> int:
    """Let the event loop turn now and then."""
    if number % TURN_ITEMS == TURN_ITEMS - 1:
        await asyncio.sleep(0)
    return number + 1
