"""One process of the product: what `eventing.app` wires together, without its doors."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal

from channels.contract import Channel
from channels.dead_letter import EVERYTHING, Address, DeadLetters
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.journal import Journal, Retention
from channels.memory import MemoryChannel
from channels.memory_dead_letter import MemoryDeadLetters
from dispatcher.broker import Broker
from dispatcher.filters import Predicate, parse_filters
from dispatcher.lane import LaneLimits
from dispatcher.manner import Manner, Order
from dispatcher.redrive import Redriver
from dispatcher.retry import SPREAD_MAX, SPREAD_MIN, Policy
from dispatcher.tasks import supervise
from dispatcher.trigger import Trigger, TriggerSpec
from tests.simulation.disk import SimulatedDisk
from tests.simulation.ledger import PARK_AFTER_S, Letter, Published, Total
from tests.simulation.plan import Plan, Wish
from tests.simulation.sink import SimulatedSink

if TYPE_CHECKING:
    from tests.simulation.loop import VirtualLoop
    from tests.simulation.simulation import Simulation

NAMESPACE: Final = "sim"
_RETAINED_S: Final = 1e9


class Life:
    """A process from its start to its end. All that it hears after its end is lost on it."""

    def __init__(self, simulation: "Simulation", number: int, loop: "VirtualLoop") -> None:
        self.number = number
        self.is_alive = True
        self.is_open = False
        self.is_held = False
        """It was asked to begin nothing more."""
        self.is_leaving = False
        """It hears no answers any more."""
        self.wishes: dict[str, Wish] = {}
        """What its Triggers were told last: a process that is about to end is told nothing more."""
        self.brokers: dict[str, Broker] = {}
        self.simulation = simulation
        self._loop = loop
        self._dice = Random(simulation.plan.seed * 1000 + number)
        self._stop = asyncio.Event()
        self._sinks = {key: SimulatedSink(self, receiver) for key, receiver in simulation.receivers.items()}
        self._asking: list[Published] = []
        """Those whose receipts are still to come."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._journal: Journal | None = None
        self._dead_letters: DeadLetters
        self._redriver: Redriver

    async def run(self) -> None:
        """Until it is asked to stop."""
        simulation = self.simulation
        simulation.tell(f"process {self.number} starts")
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self.is_open = True
            simulation.tell(f"process {self.number} is ready")
            await self._stop.wait()
            self.is_open = False
            await self._close()
        simulation.tell(f"process {self.number} has stopped")

    def stop(self) -> None:
        self._stop.set()

    def hop(self, do: Any) -> None:
        """Some turns of the loop later."""
        if not self.is_alive:
            return
        for _ in range(self._dice.randint(1, 3)):
            do = partial(self._loop.call_soon, do)
        do()

    # What happens to it.

    def apply(self) -> None:
        """The resources changed."""
        if self._stop.is_set():
            return
        for name, broker in self.brokers.items():
            broker.replace_triggers(self._specs(name))

    def submit(self, broker: str, events: tuple[tuple[str, str], ...]) -> None:
        """What a producer's request comes to."""
        simulation = self.simulation
        batch = simulation.publish(broker, events, self.number)
        simulation.tell(f"{broker} <- {', '.join(f'{one.id} ({one.type} {one.key})' for one in batch)}")
        self._asking += batch
        made = [
            Event.from_attributes({"id": one.id, "source": "/sim", "type": one.type, "subject": one.key}, b"data")
            for one in batch
        ]
        self.brokers[broker].submit(made, _Receipt(self, batch))

    def tell_receipt(self, batch: list[Published], receipt: Literal["stored", "refused"]) -> None:
        """What the producer hears, if it is still there."""
        simulation = self.simulation
        if not self.is_alive:
            return
        simulation.tell(f"{receipt}: {', '.join(one.id for one in batch)}")
        for one in batch:
            if one.receipt:
                simulation.broke(f"{one.id} is told {receipt}, and was told {one.receipt}")
            one.receipt, one.told_s = receipt, simulation.outside.now_s
            self._asking.remove(one)

    def redrive(self, rate: float | None) -> None:
        """All dead letters, once more."""

        async def claim() -> None:
            try:
                found = await self._dead_letters.claim(EVERYTHING, rate=rate)
            except ChannelUnavailable as error:
                self.simulation.tell(f"no redrive: {error}")
                return
            self.simulation.tell(f"redrive {found.id} of {found.total} dead letters")
            self._redriver.wake()

        self._start(claim())

    # What can be asked of it.

    def triggers(self) -> list[Trigger]:
        return [trigger for broker in self.brokers.values() for trigger in broker.triggers.values()]

    def calm_brokers(self) -> list[str]:
        """Those that have judged all they have stored."""
        return [name for name, broker in self.brokers.items() if self._is_calm(broker)]

    def unaccounted(self) -> dict[str, int]:
        """Events of each Broker that were neither judged nor are to be."""
        return {name: broker.unaccounted for name, broker in self.brokers.items()}

    def totals(self) -> dict[str, Total]:
        names = self._names()
        return {
            names[trigger.name]: Total(trigger.delivered, trigger.dead_lettered, trigger.waiting, trigger.balance)
            for trigger in self.triggers()
        }

    def is_settled(self) -> bool:
        """Nothing is under way any more, and nothing waits but for a pause to end."""
        return not self.unsettled()

    def unsettled(self) -> str:
        """What is not settled yet, in words."""
        wishes, names = self.simulation.wishes, self._names()
        found = [f"{name} has not judged all" for name, broker in self.brokers.items() if not self._is_calm(broker)]
        for trigger in self.triggers():
            waiting = 0 if wishes[names[trigger.name]].is_paused else trigger.waiting
            if trigger.in_flight or waiting:
                found.append(f"{trigger.name}: {trigger.in_flight} in flight, {waiting} waiting")
        found += [f"{one.id} has no receipt" for one in self._asking]
        if not any(wishes[name].is_paused for name in self.simulation.alive):  # a redrive waits for its Triggers
            found += [f"redrive {one.id} goes on" for one in self._dead_letters.redrives if one.ended_s is None]
        return "; ".join(found)

    # How it begins and ends.

    async def _open(self, stack: AsyncExitStack) -> None:
        """As `eventing.app` does: the journal, then each Broker with its channel, then its Triggers."""
        simulation = self.simulation
        plan = simulation.plan
        journal = None
        if plan.is_durable:
            disk = SimulatedDisk(simulation, self)
            size_max_bytes = plan.journal_size_max_bytes
            journal = Journal(Path("nowhere"), size_max_bytes=size_max_bytes, clock=simulation.wall_s, disk=disk)
            self._journal = await stack.enter_async_context(journal)
            self._dead_letters = journal.dead_letters
        else:
            self._dead_letters = MemoryDeadLetters(size_max_bytes=1 << 30)
        self._redriver = Redriver(self._find_trigger, {"journal": self._dead_letters}, look_interval_s=None)
        for name in plan.brokers:
            broker = self._create_broker(name)
            channel = simulation.parts.channel(self._create_channel(name, journal))
            await broker.open(channel, dead_letters=self._dead_letters, limits=_limits(plan))
            self.brokers[name] = broker
            for _ in range(self._dice.randint(0, 2)):
                await asyncio.sleep(0)  # who reads the resources has other things to do as well
            broker.replace_triggers(self._specs(name))
        self._start(supervise("redriver", self._redriver.run))

    async def _close(self) -> None:
        """Begin nothing more where what waits is kept, let end what is under way for a moment, then leave."""
        if self.simulation.plan.is_durable:
            for broker in self.brokers.values():
                broker.hold()
            self.is_held = True
        for _ in range(20):
            if not any(trigger.in_flight for trigger in self.triggers()):
                break
            await asyncio.sleep(0.05)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.simulation.is_over:
            await self._read_letters()
        self.is_leaving = True
        for broker in self.brokers.values():
            await broker.close()

    async def _read_letters(self) -> None:
        if self._journal is not None:
            await self._journal.flush()
        for letter in await self._dead_letters.find(EVERYTHING, limit=100_000):
            self.simulation.ledger.letters.append(
                Letter(
                    letter.address.trigger, letter.event.id, letter.reason, len(letter.attempts), letter.redrive_state
                )
            )

    def _create_broker(self, name: str) -> Broker:
        spread = partial(self._dice.uniform, SPREAD_MIN, SPREAD_MAX)
        return Broker(NAMESPACE, name, event_size_max_bytes=1 << 20, spread=spread)

    def _create_channel(self, name: str, journal: Journal | None) -> Channel:
        plan = self.simulation.plan
        if journal is None:
            return MemoryChannel(events_max=1000, size_max_bytes=1 << 24)
        return journal.channel(
            f"{NAMESPACE}/{name}", retention=Retention(_RETAINED_S) if plan.is_retained else Retention()
        )

    def _specs(self, broker: str) -> dict[str, TriggerSpec]:
        simulation = self.simulation
        self.wishes.update(simulation.wishes)
        return {
            trigger.resource: self._spec(name, simulation.wishes[name])
            for name, trigger in simulation.alive.items()
            if trigger.broker == broker
        }

    def _spec(self, name: str, wish: Wish) -> TriggerSpec:
        return TriggerSpec(
            _predicate(wish.types),
            self._sinks[name, False],
            self._sinks[name, True] if wish.has_dead_letter_sink else None,
            Policy(
                retry=wish.retry,
                backoff_policy=wish.backoff_policy,
                backoff_delay_s=wish.backoff_delay_s,
                timeout_s=wish.timeout_s,
                has_dead_letter_sink=wish.has_dead_letter_sink,
            ),
            Manner(Order() if wish.is_ordered else None, wish.concurrency, wish.rate, wish.is_paused),
            self.simulation.alive[name].start,
        )

    def _names(self) -> dict[str, str]:
        """Which of those that have had a resource's name has it now."""
        return {trigger.resource: name for name, trigger in self.simulation.alive.items()}

    def _find_trigger(self, address: Address) -> Trigger | None:
        return self.brokers[address.broker].triggers.get(address.trigger)

    def _is_calm(self, broker: Broker) -> bool:
        return broker._fanout.lag == 0

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Receipt:
    """A producer that waits for its answer."""

    __slots__ = ("_batch", "_life")

    def __init__(self, life: Life, batch: list[Published]) -> None:
        self._life = life
        self._batch = batch

    def stored(self) -> None:
        self._life.tell_receipt(self._batch, "stored")

    def refused(self, error: Exception) -> None:
        self._life.tell_receipt(self._batch, "refused")


@cache
def _predicate(types: tuple[str, ...]) -> Predicate:
    filters = [
        {"prefix": {"type": type_[:-1]}} if type_.endswith("*") else {"exact": {"type": type_}} for type_ in types
    ]
    return parse_filters(None, [{"any": filters}] if len(filters) > 1 else filters)


def _limits(plan: Plan) -> LaneLimits:
    backlog = None if plan.is_durable else 500
    return LaneLimits(
        concurrency_min=1,
        concurrency_max=8,
        window_events_max=plan.window_events_max if plan.is_durable else 500,
        window_size_max_bytes=1 << 20,
        backlog_events_max=backlog,
        backlog_size_max_bytes=None if backlog is None else 1 << 20,
        park_after_s=PARK_AFTER_S,
        breaker_failures=plan.breaker_failures,
        breaker_pause_s=plan.breaker_pause_s,
    )
