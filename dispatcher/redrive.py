"""Redrives: dead letters go once more to the one Trigger that they failed for, at the rate that was asked for.

What is to be done stands in the stores, which say it again after a restart; here is only what is on its way.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from channels.dead_letter import Address, AttemptRecord, DeadLetter, DeadLetters, Redrive
from dispatcher.pace import Bucket
from dispatcher.tasks import supervise
from dispatcher.trigger import Done

UNDER_WAY_MAX: Final = 64
"""Letters that one redrive has on their way. As many as a lane has attempts in flight: more would only wait there."""
LOOK_INTERVAL_S: Final = 1.0
"""Between looks at the stores: other processes may begin a redrive as well, and nobody tells."""
STALE_WAIT_S: Final = 0.1
"""Until a store is asked again that still told of letters which were brought to an end."""


class Target(Protocol):
    """What a redrive asks of a Trigger."""

    def redrive(self, letter: DeadLetter, done: Done) -> None:
        """Deliver it to the subscriber, then call `done`, once, perhaps before this returns."""


class Redriver:
    """Carries the redrives of these stores out, each at its own pace. `run` may be cancelled and called again.

    Stores, by name, may come and go: `wake` tells of it.
    """

    def __init__(
        self,
        find_trigger: Callable[[Address], Target | None],
        stores: Mapping[str, DeadLetters],
        *,
        look_interval_s: float | None = LOOK_INTERVAL_S,
    ) -> None:
        """`look_interval_s` is None where no other process begins redrives: whoever does here calls `wake`."""
        self._find_trigger = find_trigger
        self._look_interval_s = look_interval_s
        self._stores = stores
        self._drives: dict[_Key, _Drive] = {}
        """Those that have not ended: a crash of `run` forgets nothing that is on its way."""
        self._begun = asyncio.Event()

    def wake(self) -> None:
        """A redrive began, or a store came or went."""
        self._begun.set()

    async def run(self) -> None:
        """Go on with what the stores say is under way, and with what begins. Until cancelled."""
        running: dict[_Key, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._begun.clear()
                for key in running.keys() - self._reachable(running):
                    running.pop(key).cancel()
                    self._drives.pop(key, None)
                to_do = self._to_do()
                self._forget_but({*running, *dict(to_do)})
                for key, redrive in to_do:
                    if key not in running:
                        self._begin(key, redrive)
                        running[key] = tasks.create_task(self._finish(key, running))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._begun.wait(), self._look_interval_s)

    def _begin(self, key: "_Key", redrive: Redrive) -> None:
        """What is on its way is known from before, where the store is the same."""
        store, known = self._stores[key.store], self._drives.get(key)
        if known is None or known.store is not store:
            self._drives[key] = _Drive(store, redrive, self._find_trigger)

    def _forget_but(self, known: Collection["_Key"]) -> None:
        """The others ended while this did not run: another process saw to them."""
        self._drives = {key: drive for key, drive in self._drives.items() if key in known}

    def _to_do(self) -> list[tuple["_Key", Redrive]]:
        return [
            (_Key(name, redrive.id), redrive)
            for name, store in self._stores.items()
            for redrive in store.redrives
            if redrive.ended_s is None
        ]

    def _reachable(self, keys: Iterable["_Key"]) -> set["_Key"]:
        """Those whose store is still the one they are of."""
        stores = dict(self._stores)
        return {key for key in keys if key in self._drives and stores.get(key.store) is self._drives[key].store}

    async def _finish(self, key: "_Key", running: dict["_Key", asyncio.Task[None]]) -> None:
        await supervise(f"redrive {key.redrive_id} of {key.store}", self._drives[key].run)
        running.pop(key, None)
        self._drives.pop(key, None)


class _Key(NamedTuple):
    """Which redrive: of the store of that name, by its id."""

    store: str
    redrive_id: str


class _Drive:
    """One redrive on its way."""

    def __init__(self, store: DeadLetters, redrive: Redrive, find_trigger: Callable[[Address], Target | None]) -> None:
        self.redrive = redrive
        self.store = store
        self._find_trigger = find_trigger
        self._bucket = None if redrive.rate is None else Bucket(redrive.rate)
        self._batch = UNDER_WAY_MAX if redrive.rate is None else max(1, int(redrive.rate))
        """Letters to read ahead: no more than a second takes, lest one is sent that was discarded long since."""
        self._under_way: set[str] = set()
        self._ended: set[str] = set()
        """Brought to an end, though a reading of the store that began earlier may still tell of them."""
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Until the store says that it ended. Raises ChannelUnavailable."""
        while self._is_open:
            letters, has_more = await self._read()
            for letter in letters:
                await self._wait_for_turn()
                self._send(letter)
            # Half at once, for each reading tells of all that is under way, too.
            await self._wait_for_room(UNDER_WAY_MAX // 2 if has_more else UNDER_WAY_MAX)
            if not letters and self._is_open:
                await asyncio.sleep(STALE_WAIT_S)

    @property
    def _is_open(self) -> bool:
        return any(one.id == self.redrive.id and one.ended_s is None for one in self.store.redrives)

    @property
    def _room(self) -> int:
        return UNDER_WAY_MAX - len(self._under_way)

    async def _read(self) -> tuple[list[DeadLetter], bool]:
        """The oldest that are neither on their way nor at their end, and whether there may be more."""
        ended, wanted = frozenset(self._ended), min(self._room, self._batch)
        asked = len(self._under_way) + len(ended) + wanted
        found = await self.store.claimed(self.redrive.id, asked)
        # Ended before this reading and not in it: the store has seen to it, and tells of it no more.
        self._ended -= ended - {letter.id for letter in found}
        known = self._under_way | self._ended
        return [letter for letter in found if letter.id not in known][:wanted], len(found) == asked

    async def _wait_for_turn(self) -> None:
        if self._bucket is not None:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._bucket.wait_s(loop.time()))
            self._bucket.begin(loop.time())

    async def _wait_for_room(self, room: int) -> None:
        while self._room < room:
            self._moved.clear()
            await self._moved.wait()

    def _send(self, letter: DeadLetter) -> None:
        self._under_way.add(letter.id)

        def done(is_delivered: bool, attempts: tuple[AttemptRecord, ...]) -> None:
            self._under_way.discard(letter.id)
            self._ended.add(letter.id)
            self._moved.set()
            if is_delivered:
                self.store.redriven(letter)
            else:
                self.store.failed_again(letter, attempts)

        target = self._find_trigger(letter.address)
        if target is None:
            done(False, ())
        else:
            target.redrive(letter, done)
