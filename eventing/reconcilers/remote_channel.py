"""Channels that rest on servers: who has one or is on the way to it, and who is leaving. Nobody waits for a server."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from eventing.engine import Engines, Owner
from eventing.reconcilers.departure import Departure
from eventing.reconcilers.opening import CHANNEL_FAILED, SERVER_UNAVAILABLE, Opening
from eventing.reconcilers.served import Readiness, ServedBroker
from eventing.resources.engine import Engine, address_of, is_same_place
from eventing.resources.identity import Key

GOODBYE_MAX_S: Final = 10.0
"""How long channels may take to close at the end of the process: what a server was not told, it gives out once more."""


class RemoteChannels:
    """Gives Brokers their channels, moves them and takes them away. `touch` hears whose channel opened, failed or
    healed. Unless the process `reads`, its Brokers only publish.
    """

    def __init__(self, *, engines: Engines, reads: bool, touch: Callable[[Key], None]) -> None:
        self._engines = engines
        self._reads = reads
        self._touch = touch
        self._openings: dict[Key, Opening] = {}
        self._departures: dict[str, Departure] = {}
        """By the label of the Broker: who is leaving, the last one where several are."""
        self._faults: dict[Key, str] = {}
        """Of channels that are open, as they were last told of."""

    def keep(self, key: Key, served: ServedBroker, engine: Engine, owner: Owner) -> Readiness:
        """Have it rest there. Where it rests elsewhere it moves: what it left there stays, until it is back."""
        opening = self._openings.get(key)
        if opening is not None and not is_same_place(opening.engine, engine):
            self.remove(key, served, is_deleted=False)
            opening = None
        if opening is None:
            opening = self._openings[key] = self._open(key, served, engine, owner)
        elif opening.engine != engine:
            opening.engine = engine
            opening.hurry()
        opening.owner = owner
        served.ground = opening.place
        if opening.place is None:
            self._engines.renew(engine, key)
            return opening.readiness
        self._engines.update(opening.place, engine, owner)
        self._faults[key] = opening.place.fault
        return self._readiness(key, engine, self._faults[key])

    def remove(self, key: Key, served: ServedBroker, *, is_deleted: bool) -> None:
        """It rests there no more. Where it was deleted, nothing of it is kept."""
        opening = self._openings.pop(key, None)
        served.ground = None
        self._faults.pop(key, None)
        if opening is None:
            return
        label = served.broker.label
        self._departures = {name: one for name, one in self._departures.items() if not one.is_over}
        self._departures[label] = Departure(
            key, served.broker, opening, engines=self._engines, is_deleted=is_deleted, after=self._end_of(label)
        )

    def has(self, key: Key) -> bool:
        """It rests on a server, or is on the way there."""
        return key in self._openings

    @property
    def fault(self) -> str:
        """Why none of them takes events, where it is so with all; empty where one does, or there is none."""
        fault = ""
        for opening in self._openings.values():
            fault = opening.readiness.message if opening.place is None else opening.place.fault
            if not fault:
                return ""
        return fault

    @property
    def missing(self) -> str:
        """Which of them do not answer: the first one by name, and how many more; empty where all do. One that was not
        tried to be opened yet is on its way.
        """
        found = {key: _fault(opening) for key, opening in sorted(self._openings.items()) if opening.has_tried.is_set()}
        words = [f"{key.kind} {key.namespace}/{key.name}: {fault}" for key, fault in found.items() if fault]
        return f"{words[0]}; and {len(words) - 1} more" if len(words) > 1 else "".join(words)

    @property
    def opened(self) -> int:
        """How many are open."""
        return sum(opening.place is not None for opening in self._openings.values())

    def inspect(self) -> None:
        """Look whether channels that are open have failed, or healed."""
        for key, opening in self._openings.items():
            if opening.place is not None and opening.place.fault != self._faults.get(key, ""):
                self._touch(key)

    async def wait_tried(self, timeout_s: float) -> None:
        """Until each was tried to be opened once, or that time has passed."""
        waits = [asyncio.ensure_future(one.has_tried.wait()) for one in self._openings.values()]
        if waits:
            _, left = await asyncio.wait(waits, timeout=timeout_s)
            for one in left:
                one.cancel()

    async def close(self, brokers: Iterable[ServedBroker]) -> None:
        """Close all of them, these Brokers' first; what could not be dropped is told of."""
        openings, self._openings = self._openings, {}
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_MAX_S):
                await asyncio.gather(*(opening.stop() for opening in openings.values()))
                await asyncio.gather(*(served.broker.close() for served in brokers))
        departures, self._departures = self._departures, {}
        await asyncio.gather(*(one.give_up() for one in departures.values()))

    def _open(self, key: Key, served: ServedBroker, engine: Engine, owner: Owner) -> Opening:
        return Opening(
            served.broker,
            engine,
            owner,
            engines=self._engines,
            reads=self._reads,
            after=self._end_of(served.broker.label),
            changed=lambda: self._touch(key),
        )

    def _end_of(self, label: str) -> "_End":
        return _End(self._departures.get(label))

    def _readiness(self, key: Key, engine: Engine, fault: str) -> Readiness:
        if not fault:
            return Readiness()
        reason = SERVER_UNAVAILABLE if self._engines.is_away(engine, key) else CHANNEL_FAILED
        return Readiness(ready=False, reason=reason, message=f"{address_of(engine)}: {fault}")


def _fault(opening: Opening) -> str:
    """Why that channel does not answer, and where; empty where it does."""
    if opening.place is None:
        return opening.readiness.message
    fault = opening.place.fault
    return fault and f"{address_of(opening.engine)}: {fault}"


class _End:
    """The end of a departure, to be waited for by who comes after it."""

    def __init__(self, departure: Departure | None) -> None:
        self._departure = departure

    async def __call__(self) -> None:
        if self._departure is not None:
            await self._departure.wait()
