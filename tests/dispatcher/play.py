"""What Triggers play before: a broker, sinks at the wall, a store, and a group whose queues are theirs."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from channels.contract import Delivery, Subscription
from channels.dead_letter import EVERYTHING as ALL_LETTERS
from channels.dead_letter import Address, DeadLetter
from channels.memory import MemoryChannel
from channels.memory_dead_letter import MemoryDeadLetters
from dispatcher.filters import parse_filters
from dispatcher.lane import LaneLimits
from dispatcher.manner import DEFAULT, Manner
from dispatcher.retry import Policy
from dispatcher.trigger import Trigger, TriggerSpec
from tests.dispatcher.stage import LIMITS, Answer, ScriptedSink, SmallBroker, a_delivery, saying

EVERYTHING = parse_filters(None, None)
KEY = Address("ns", "b", "t")
SOON = Policy(retry=2, backoff_policy="linear", backoff_delay_s=0.1)


class Letters(MemoryDeadLetters):
    """Counts what it is given."""

    def __init__(self) -> None:
        super().__init__(size_max_bytes=10**7)
        self.kept = 0

    def add(self, *args: Any) -> None:
        self.kept += 1
        super().add(*args)

    def extend(self, address: Address, reason: str, deliveries: Sequence[Delivery]) -> None:
        self.kept += len(deliveries)
        super().extend(address, reason, deliveries)


class Play:
    """A Trigger between a broker, a subscriber, a dead letter sink where wanted, and a store."""

    def __init__(
        self,
        group: Subscription,
        sink: ScriptedSink,
        dead_letter_sink: ScriptedSink | None = None,
        *,
        policy: Policy = SOON,
        limits: LaneLimits = LIMITS,
        manner: Manner = DEFAULT,
        broker: SmallBroker | None = None,
    ) -> None:
        self.broker = broker or SmallBroker(group)
        self.store = Letters()
        self.sink = sink
        self.spec = self.spec_of(sink, dead_letter_sink, policy, manner)
        self.trigger = Trigger(
            KEY,
            self.spec,
            broker=self.broker,
            dead_letters=self.store,
            limits=limits,
            subscription=group,
            state=self.broker.notes.get("t"),
            judged=0,
            spread=lambda: 1.0,
        )
        self._offered = 0

    @staticmethod
    def spec_of(
        sink: ScriptedSink, dead_letter_sink: ScriptedSink | None, policy: Policy, manner: Manner = DEFAULT
    ) -> TriggerSpec:
        policy = replace(policy, has_dead_letter_sink=dead_letter_sink is not None)
        return TriggerSpec(EVERYTHING, sink, dead_letter_sink, policy, manner)

    def offer(self, count: int = 1, *, ttl: int | None = None) -> None:
        for _ in range(count):
            self._offered += 1
            self.offer_one(a_delivery(self._offered, ttl=ttl))

    def offer_one(self, delivery: Delivery) -> None:
        delivery.pending = 1
        self.trigger.offer([delivery])

    async def letters(self) -> list[DeadLetter]:
        """In the store, newest first."""
        return await self.store.find(ALL_LETTERS, limit=1000)

    def check(self) -> None:
        """The law of conservation."""
        trigger = self.trigger
        assert self._offered == trigger.matched
        assert 0 == trigger.balance
        assert 0 <= trigger.retrying <= trigger.waiting
        assert 0 <= trigger.parked <= trigger.waiting
        assert self.store.kept == trigger.stored


@asynccontextmanager
async def a_group() -> AsyncIterator[Subscription]:
    channel = MemoryChannel(events_max=10**6, size_max_bytes=10**9)
    async with channel, channel.subscribe("fanout") as member:
        yield member


def always(answer: Answer, *, uri: str = "http://sink/") -> ScriptedSink:
    return ScriptedSink(saying(answer), uri=uri)
