"""What every run has: its load, its sinks, the ledger that hears of both, and the tale of what happened."""

import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from tests.crash import workload
from tests.ledger.ledger import Ledger
from tests.ledger.producer import Producers
from tests.ledger.record import Journalist, Received, Sent, parsed_id
from tests.ledger.sink import RecordingSink

LANE_WINDOW_EVENTS_MAX: Final = 256
"""EVENTING_LANE_WINDOW_EVENTS_MAX: what may wait in one lane's memory."""
LANE_CONCURRENCY_MAX: Final = 64
"""EVENTING_LANE_CONCURRENCY_MAX: what one lane may have sent. Both are unsettled, and come again after a crash."""
LANES: Final = len(workload.TRIGGERS) + 1
"""One for each Trigger, and one for a dead letter sink."""
IN_FLIGHT_MAX: Final = LANES * (LANE_WINDOW_EVENTS_MAX + LANE_CONCURRENCY_MAX) * workload.MATCHES_MAX
"""Deliveries that the end of a process may repeat: what is in some lane comes again to all Triggers that want it."""
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent while somebody listens."""

    producers: int = 16
    events_per_s: float = 1500
    keys: int = 40


class Stop(NamedTuple):
    """Something after which events may come again, and at most so many deliveries of them."""

    name: str
    duplicates_bound: int


@dataclass(slots=True)
class Tale:
    """What happened, beside what the ledger says."""

    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    ready_s: list[float] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    """In the order of the ledger's epochs: each begins one."""
    complaints: list[str] = field(default_factory=list)
    """What must not be, in words."""


class Stage:
    """A context manager: entered, sinks listen and producers wait to be started."""

    def __init__(self, folder: Path, *, seed: int, load: Load, ledger: Ledger) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.load, self.ledger = folder, load, ledger
        self.rng = random.Random(seed)
        self.tale = Tale()
        self.sink = RecordingSink(self._received, rng=random.Random(seed))
        self.producers = Producers(
            self._sent,
            count=load.producers,
            routes=tuple(workload.ROUTES),
            keys=load.keys,
            rng=random.Random(seed),
            events_per_s=load.events_per_s,
        )
        self.journalist = Journalist(folder / "records")
        self.stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.stack.callback(self.journalist.close)
        await self.stack.enter_async_context(self.sink)
        await self.open()
        await self.stack.enter_async_context(self.producers)
        workload.set_everyday(self.sink)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stack.aclose()

    async def open(self) -> None:
        """Start what is under test, and have `stack` end it."""
        raise NotImplementedError

    def _sent(self, record: Sent) -> None:
        self.ledger.sent(record)
        self.journalist(record)

    def _received(self, record: Received) -> None:
        self.ledger.received(record)
        self.journalist(record)

    def complain(self, words: str) -> None:
        """Note what must not be."""
        self.tale.complaints.append(f"after {len(self.tale.stops)} stops: {words}")

    def note_stop(self, name: str, duplicates_bound: int = IN_FLIGHT_MAX, *, is_over: bool = True) -> None:
        """From here on what was sent before may come again; unless it `is_over`, also what is sent until the ledger is
        told.
        """
        self.ledger.stopped(is_over=is_over)
        self.tale.stops.append(Stop(name, duplicates_bound))

    async def note_dead_letters(self, ask: Callable[[str], Awaitable[Any]]) -> None:
        """Tell the ledger what is in the dead letter store. `ask` is the ops API's GET."""
        before: str | None = ""
        while before is not None:
            page = await ask(f"deadletters?limit={_PAGE}" + (f"&before={before}" if before else ""))
            for one in page["items"]:
                self.ledger.buried(one["trigger"], *parsed_id(one["attributes"]["id"]))
            before = page.get("next") or None
