"""A lane's whole street: a channel, who reads it, the lane, a sink whose answers are dice, and deaths in between."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random

from channels.contract import Channel, Delivery, Parked, Queue, Subscription
from channels.event import Event
from dispatcher.attempt import Attempt
from dispatcher.lane import Lane, LaneLimits
from dispatcher.manner import Manner
from dispatcher.retry import Policy
from tests.dispatcher.stage import Owner, outcome

GOOD = (204,)


class Reader(Owner):
    """Reads, offers to the lane, and acks what has settled: what of a fan out matters to a lane."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription)
        self.judged = 0

    def settle(self, delivery: Delivery) -> None:
        assert self.subscription is not None
        self.subscription.ack([delivery])

    def overflow(self, deliveries: object) -> None:
        raise AssertionError("a durable lane has room")

    def give_up(self, attempt: Attempt, *_: object) -> None:
        self.given_up.append((attempt, "refused", None))
        self.settle(attempt.delivery)

    async def run(self, lane: Lane, after_s: float) -> None:
        assert self.subscription is not None
        await asyncio.sleep(after_s)
        while True:
            batch = await self.subscription.receive(16)
            for delivery in batch:
                delivery.pending = 1
            lane.offer(batch)
            self.judged += len(batch)
            await asyncio.sleep(0)


class SlowQueue:
    """Much may happen while something is taken out of it."""

    def __init__(self, queue: Queue, dice: Random) -> None:
        self._queue = queue
        self._dice = dice
        self.park = queue.park
        self.clear = queue.clear

    events = property(lambda self: self._queue.events)
    size_bytes = property(lambda self: self._queue.size_bytes)
    waiting = property(lambda self: self._queue.waiting)
    due_in_s = property(lambda self: self._queue.due_in_s)

    async def take(self, max_events: int) -> list[Parked]:
        await asyncio.sleep(self._dice.uniform(0.0, 0.01))
        taken = await self._queue.take(max_events)
        await asyncio.sleep(self._dice.uniform(0.0, 0.01))
        return taken


class SlowGroup:
    """A membership whose queues are slow."""

    def __init__(self, group: Subscription, dice: Random) -> None:
        self._group = group
        self._dice = dice
        self.receive, self.ack, self.nack, self.holds = group.receive, group.ack, group.nack, group.holds

    lag = property(lambda self: self._group.lag)
    queues = property(lambda self: self._group.queues)

    def queue(self, name: str, *, is_ordered: bool = False) -> Queue:
        return SlowQueue(self._group.queue(name, is_ordered=is_ordered), self._dice)


class DiceSink:
    """Answers after a while, by dice; writes down for each key what began and ended in which order."""

    def __init__(self, dice: Random, answers: tuple[int, ...], latency_s: tuple[float, float]) -> None:
        self.uri = "http://sink/"
        self.answers = answers
        self.latency_s = latency_s
        self.is_dead = False
        self.is_ordered = True
        self.begun: dict[str, list[int]] = defaultdict(list)
        self.under_way: set[str] = set()
        self.delivered: set[int] = set()
        self.in_flight_max = 0
        self._dice = dice

    def send(self, attempt: Attempt) -> None:
        loop = asyncio.get_running_loop()
        attempt.started_s = loop.time()
        key = attempt.event.get_text("subject") or ""
        assert not self.is_ordered or key not in self.under_way, "one of a key at a time"
        self.under_way.add(key)
        self.in_flight_max = max(self.in_flight_max, len(self.under_way))
        self.begun[key].append(int(attempt.event.id))
        latency_s = self._dice.uniform(*self.latency_s)
        if latency_s < 0.002:
            self._end(attempt, key)
        else:
            loop.call_later(latency_s, self._end, attempt, key)

    def _end(self, attempt: Attempt, key: str) -> None:
        if self.is_dead:
            return
        answer = self._dice.choice(self.answers)
        self.under_way.discard(key)
        if answer == 204:
            self.delivered.add(int(attempt.event.id))
            attempt.lane.delivered(attempt)
        else:
            attempt.lane.finish(attempt, outcome(answer))

    def request(self, event: Event) -> bytes:
        raise NotImplementedError


class Street:
    """One lane that may be killed and begin again, over a channel that outlives it."""

    def __init__(self, channel: Channel, sink: DiceSink, policy: Policy, limits: LaneLimits, manner: Manner) -> None:
        self.channel = channel
        self.sink = sink
        self.policy = policy
        self.limits = limits
        self.manner = manner
        self.given_up = 0
        self.published = 0
        self._stack = AsyncExitStack()

    async def begin(self) -> None:
        member = await self._stack.enter_async_context(self.channel.subscribe("fanout"))
        subscription = SlowGroup(member, self.sink._dice)
        self.sink.is_dead = False
        self.sink.under_way.clear()
        self.reader = reader = Reader(subscription)
        self.lane = Lane(
            reader,
            self.sink,
            self.policy,
            self.limits,
            name="lane",
            subscription=subscription,
            manner=self.manner,
            judged=lambda: reader.judged,
        )
        self._before = self.lane.waiting
        self._task = asyncio.create_task(reader.run(self.lane, self.sink._dice.choice([0.0, 0.05])))

    async def kill(self) -> None:
        """Nothing that the lane still holds is ever heard of again."""
        self.sink.is_dead = True
        self.given_up += len(self.reader.given_up)
        lane, old = self.lane, self.sink
        self._task.cancel()
        lane._is_pumping = True
        lane._stop()
        await asyncio.wait([self._task])
        self.sink = DiceSink(old._dice, old.answers, old.latency_s)
        self.sink.begun, self.sink.delivered, self.sink.is_ordered = old.begun, old.delivered, old.is_ordered
        await self._stack.aclose()

    async def publish(self, keys: list[str]) -> None:
        events = []
        for key in keys:
            self.published += 1
            attributes = {"id": str(self.published), "source": "/s", "type": "t", "subject": key}
            events.append(Event.from_attributes(attributes, b"x" * 10))
        await self.channel.publish(events)

    async def drain(self) -> None:
        """The sink is well: everything comes through."""
        self.sink.answers = GOOD
        if self.manner.is_paused:
            self.manner = Manner(order=self.manner.order)
            self.lane.update(self.sink, self.policy, self.manner)
        await until(lambda: self.ended == self.published)
        assert (0, 0, 0, 0) == (self.lane.waiting, self.lane.parked, self.lane.in_flight, self.lane.blocked_keys)

    @property
    def ended(self) -> int:
        return len(self.sink.delivered) + self.given_up + len(self.reader.given_up)

    def check_balance(self) -> None:
        lane = self.lane
        ended = lane.done + len(self.reader.given_up)
        assert self._before + lane.matched == lane.waiting + lane.in_flight + ended
        assert 0 <= lane.parked <= lane.waiting

    def check_order(self) -> None:
        for key, begun in self.sink.begun.items():
            assert sorted(begun) == begun, f"key {key}: {begun}"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5000):
        while not condition():
            await asyncio.sleep(0.05)
