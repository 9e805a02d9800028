"""Follows the store and lets each kind's reconciler look at what a change reaches, then writes what they found.

Level-based: it sees the world, and makes what is at work what the world says; doing it twice is doing it once. Statuses
are written once what they tell of works.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Final

from channels.contract import Channel
from dispatcher.sighting import Sightings
from dispatcher.sink import Pools
from eventing.barrier import Barrier
from eventing.engine import Engines
from eventing.errors import Expired, StoreUnavailable
from eventing.ingress.intake import Intake
from eventing.pause import set_paused
from eventing.pen import Pen
from eventing.reconcilers.plane import Plane
from eventing.reconcilers.roster import Roster
from eventing.reconcilers.served import ServedBroker, ServedTrigger
from eventing.reconcilers.turn import Clock, Occurrence, Tale, Turn
from eventing.reconcilers.writer import Writer
from eventing.resources.catalogue import Catalogue
from eventing.resources.core_event import EVENT
from eventing.resources.identity import GroupKind, Key, Object, key_of
from eventing.settings import Settings
from eventing.specification import Sinks
from eventing.store.contract import Change, Store
from eventing.world import World

TURN_CHANGES: Final = 64
"""Changes read without letting the event loop turn: a few milliseconds of its time."""
ROUNDS_MAX: Final = 10
"""How often in a row what was written is looked at by those who read it: the longest chain of kinds has three links."""
STORE_WAIT_MIN_S: Final = 0.1
STORE_WAIT_MAX_S: Final = 5.0
"""Between attempts to reach a store that is away, doubling."""

_log = logging.getLogger(__name__)


class Controller:
    """Owns what is at work. `run` follows the store; `reconcile` may be called at any time.

    It waits at the `barrier` for what belongs together. `tell` hears of what happened to objects; `sightings_of` gives
    Brokers and Channels what notices types of events, and `forget_type` hears of EventTypes that are gone; `looked` is
    called after every look. Who has the `pen`, which is this one where none is given, writes statuses and what belongs
    to them. Unless it `reads`, its Brokers only publish.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        pools: Pools,
        engines: Engines,
        intake: Intake,
        settings: Settings,
        base_url: str,
        clock: Clock,
        barrier: Barrier | None = None,
        tell: Callable[[Occurrence], None] = lambda _: None,
        sightings_of: Callable[[Key], Sightings | None] = lambda _: None,
        forget_type: Callable[[Key], None] = lambda _: None,
        pen: Pen | None = None,
        looked: Callable[[], None] = lambda: None,
        reads: bool = True,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._clock = clock
        self._world = World()
        self._pen = pen or Pen(store)
        self._writer = Writer(self._pen, self._world)
        self._tell = tell
        self._looked = looked
        self._seen = asyncio.Event()
        self._barrier = barrier or Barrier(store)
        self._followed = 0
        """The version of the last change that was read."""
        self._lock = asyncio.Lock()
        self._read_at: str | None = None
        """The store's version that the last whole reading began with, until a watch goes on from there."""
        self._touched: set[Key] = set()
        """Those to be looked at again, though nothing of theirs has changed in the store."""
        self._is_touched = asyncio.Event()
        self.plane = Plane(
            engines=engines,
            intake=intake,
            settings=settings,
            base_url=base_url,
            sightings_of=sightings_of,
            touch=self._touch,
            reads=reads,
            makes=lambda: self._pen.store is not None,
        )
        self.triggers: dict[Key, ServedTrigger] = {}
        """Triggers and Subscriptions."""
        sinks = Sinks(pools=pools, catalogue=catalogue, cluster_domain=settings.cluster_domain, broker_sinks=self.plane)
        self._roster = Roster(
            world=self._world,
            plane=self.plane,
            sinks=sinks,
            catalogue=catalogue,
            settings=settings,
            triggers=self.triggers,
            forget_type=forget_type,
        )

    @property
    def brokers(self) -> dict[Key, ServedBroker]:
        """Brokers and Channels at work."""
        return self.plane.brokers

    def get(self, key: Key) -> Object | None:
        """The object as it was last seen, None where there is none: read it, do not write it."""
        return self._world.get(key)

    def find(self, kinds: Collection[GroupKind]) -> list[Object]:
        """The objects of these kinds, as they were last seen."""
        return self._world.find(kinds)

    async def run(self) -> None:
        """Reconcile what changes, many changes at once where they come fast. Until cancelled.

        Whatever ends a watch, a crash among others, the next one begins with reading everything. While the store is
        away, what is at work goes on as it was last seen.
        """
        wait_s = 0.0
        while True:
            try:
                if self._read_at is None:
                    await self.reconcile()
                if wait_s:
                    _log.info("the store is back")
                wait_s, since, self._read_at = 0.0, self._read_at, None
                async with self._store.watch(since=since) as changes:
                    await self._follow(aiter(changes))
            except* Expired:
                _log.info("changes came faster than they were read; reading everything again")
            except* StoreUnavailable as error:
                self._read_at = None
                if not wait_s:
                    _log.warning("the store is away, everything goes on as it is: %s", _first(error))
                wait_s = min(wait_s * 2 or STORE_WAIT_MIN_S, STORE_WAIT_MAX_S)
            await asyncio.sleep(wait_s)

    async def reconcile(self) -> None:
        """Read everything, and make it so."""
        async with self._lock:
            items: dict[Key, Object] = {}
            version = await self._store.version()
            for kind in self._catalogue:
                if kind.group_kind == EVENT.group_kind:
                    continue  # what happened concerns nobody
                listing = await self._store.list(kind.group_kind)
                items |= {key_of(item): item for item in listing.items}
            gone = self._world.replace(items)
            # What is at work is looked at, too: it may be gone, and a crash may have come before that was seen to.
            await self._conform({*items, *gone, *self.brokers, *self.triggers})
            # What changed between the first list and the last is seen once more, which changes nothing.
            self._read_at = version
            self._seen.set()

    async def wait_seen(self) -> None:
        """Until everything was read for the first time."""
        await self._seen.wait()

    async def attend(self) -> None:
        """Look again at Brokers and Channels whose channel opened, failed or healed. Until cancelled.

        While the store is away they go on by what they are; statuses follow when it is back.
        """
        while True:
            await self._is_touched.wait()
            self._is_touched.clear()
            with suppress(StoreUnavailable):
                await self._look_again()

    async def settle(self, timeout_s: float) -> None:
        """Wait until it is known of each channel whether it can be had, but no longer than that."""
        await self.plane.wait_tried(timeout_s)
        await self._look_again()

    async def set_paused(self, key: Key, *, is_paused: bool) -> None:
        """Pause a Trigger, or resume it; it is so when this returns. Raises NotFound, Conflict."""
        served = self.triggers.get(key)
        channel = None if served is None else self._channel(served.broker)
        item = await set_paused(self._store, channel, key, is_paused=is_paused)
        async with self._lock:
            await self._see({key: Change("MODIFIED", item)})

    async def close(self) -> None:
        """Close everything; what channels cannot keep is gone."""
        await self.plane.close()
        self.triggers.clear()

    def _touch(self, key: Key) -> None:
        self._touched.add(key)
        self._is_touched.set()

    async def _look_again(self) -> None:
        async with self._lock:
            touched, self._touched = self._touched, set()
            try:
                await self._conform(touched)
            except BaseException:
                self._touched |= touched
                raise

    # From changes to bursts of them.

    async def _follow(self, changes: AsyncIterator[Change]) -> None:
        burst: dict[Key, Change] = {}
        has_changes = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            worker = tasks.create_task(self._work(burst, has_changes))
            number = 0
            async for change in changes:
                key = key_of(change.item)
                self._followed = int(change.item["metadata"]["resourceVersion"])
                if key.group_kind == EVENT.group_kind:
                    continue
                burst[key] = change
                has_changes.set()
                number += 1
                if number % TURN_CHANGES == 0:
                    await asyncio.sleep(0)
            worker.cancel()

    async def _work(self, burst: dict[Key, Change], has_changes: asyncio.Event) -> None:
        """Files that are applied at once are judged by at once: wait until a turn of the loop brings no more."""
        while True:
            await has_changes.wait()
            while has_changes.is_set():
                has_changes.clear()
                await asyncio.sleep(0)
            await self._barrier.wait(lambda: self._followed)
            async with self._lock:
                seen = {**burst}
                burst.clear()
                await self._see(seen)

    async def _see(self, changes: Mapping[Key, Change]) -> None:
        changed = {key: change for key, change in changes.items() if not self._is_seen(key, change)}
        for key, change in changed.items():
            self._world.put(key, None if change.type == "DELETED" else change.item)
        if changed:
            await self._conform(changed)

    def _is_seen(self, key: Key, change: Change) -> bool:
        """True for what we wrote ourselves, and for what a whole reading has shown."""
        item = self._world.get(key)
        if change.type == "DELETED" or item is None:
            return False
        found, version = item["metadata"], change.item["metadata"]["resourceVersion"]
        is_same = found["uid"] == change.item["metadata"]["uid"]
        return is_same and int(found["resourceVersion"]) >= int(version)

    # From the world to what is at work, and back to the store.

    async def _conform(self, changed: Iterable[Key]) -> None:
        """Make everything right that these changes concern, then what is concerned by what that changed."""
        pending, told = self._world.affected(changed), Tale()
        for _ in range(ROUNDS_MAX):
            turn = Turn(self._clock(), self._world, writes=self._pen.store is not None)
            await self._roster.look_at(pending, turn)
            self.plane.publish()
            await self.plane.close_gone()
            pending = self._world.affected(turn.early | await self._writer.write(turn))
            told.add(turn)
            if not pending:
                break
        else:
            self._warn_of(pending)
        for occurrence in told:
            self._tell(occurrence)
        self._looked()

    def _warn_of(self, pending: set[Key]) -> None:
        _log.warning("some resources change each other without an end: %s", ", ".join(map(str, sorted(pending)[:5])))

    def _channel(self, key: Key) -> Channel | None:
        """That of this Broker, where it has one."""
        served = self.brokers.get(key)
        return None if served is None else served.broker.channel


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in it, however deep."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
