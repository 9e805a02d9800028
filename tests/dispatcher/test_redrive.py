"""Redrives, in virtual time: scripted Triggers before the real store in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import pytest

from channels.dead_letter import EVERYTHING, Address, AttemptRecord, DeadLetter, DeadLetters, Selector
from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.memory_dead_letter import MemoryDeadLetters
from dispatcher.redrive import LOOK_INTERVAL_S, UNDER_WAY_MAX, Redriver
from dispatcher.trigger import Done

pytestmark = pytest.mark.looptime

ATTEMPT = AttemptRecord(1.0, "http://sink", 400, 0.1, None, b"no")
BILL = Address("default", "shop", "bill")
MAIL = Address("default", "shop", "mail")


class ScriptedTrigger:
    """Ends each letter after `latency_s`, None for never: as delivered, unless its event's id is one that fails."""

    def __init__(self, latency_s: float | None = 0.0, *, failing: Iterable[str] = ()) -> None:
        self.latency_s = latency_s
        self.failing = frozenset(failing)
        self.seen: list[tuple[float, str]] = []
        self.under_way: list[Callable[[], None]] = []
        self.most_under_way = 0

    @property
    def ids(self) -> list[str]:
        return [event_id for _, event_id in self.seen]

    def redrive(self, letter: DeadLetter, done: Done) -> None:
        loop = asyncio.get_running_loop()
        self.seen.append((loop.time(), letter.event.id))
        has_failed = letter.event.id in self.failing

        def end() -> None:
            self.under_way.remove(end)
            done(not has_failed, (ATTEMPT,) if has_failed else ())

        self.under_way.append(end)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        if self.latency_s == 0.0:
            end()
        elif self.latency_s is not None:
            loop.call_later(self.latency_s, end)


class StaleDeadLetters(MemoryDeadLetters):
    """Tells again of what the reading before found, brought to an end since or not. The first readings fail, or find
    nothing at all.
    """

    def __init__(self, *, failures: int = 0, blind: int = 0) -> None:
        super().__init__(size_max_bytes=2**20)
        self.failures = failures
        self.blind = blind
        self._before: list[DeadLetter] = []

    async def claimed(self, redrive_id: str, limit: int) -> list[DeadLetter]:
        if self.failures:
            self.failures -= 1
            raise ChannelUnavailable("no answer")
        if self.blind:
            self.blind -= 1
            return []
        found = await super().claimed(redrive_id, limit)
        known = {letter.id for letter in found}
        stale = [letter for letter in self._before if letter.id not in known]
        self._before = found
        await asyncio.sleep(0.01)
        return [*stale, *found][:limit]


def a_store(count: int, address: Address = BILL) -> MemoryDeadLetters:
    return fill(MemoryDeadLetters(size_max_bytes=2**20), count, address)


def fill(store: MemoryDeadLetters, count: int, address: Address = BILL) -> MemoryDeadLetters:
    for number in range(1, count + 1):
        event = Event.from_attributes({"id": str(number), "source": "/till", "type": "sold"}, b"{}")
        store.add(address, "retriesexhausted", event, (ATTEMPT,))
    return store


@asynccontextmanager
async def running(redriver: Redriver) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(redriver.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def redriver(trigger: ScriptedTrigger, *stores: DeadLetters) -> Redriver:
    return Redriver(lambda address: trigger, {str(number): store for number, store in enumerate(stores)})


async def test_each_claimed_letter_is_delivered_once_and_the_redrive_ends() -> None:
    """Oldest first; what was delivered is a dead letter no more."""
    store, trigger = a_store(200), ScriptedTrigger(0.5)
    begun = await store.claim(EVERYTHING, rate=None)
    async with running(redriver(trigger, store)):
        await asyncio.sleep(10.0)
    assert [str(number) for number in range(1, 201)] == trigger.ids
    (redrive,) = store.redrives
    assert (begun.id, 200, 200, 0) == (redrive.id, redrive.total, redrive.delivered, redrive.failed)
    assert redrive.ended_s is not None
    assert [] == await store.find(EVERYTHING, limit=1)


async def test_no_more_than_the_bound_are_under_way() -> None:
    """A sink that hangs holds 64 of them, and the rest rests where it is."""
    store, trigger = a_store(200), ScriptedTrigger(None)
    await store.claim(EVERYTHING, rate=None)
    async with running(redriver(trigger, store)):
        await asyncio.sleep(10.0)
        assert UNDER_WAY_MAX == len(trigger.seen)
        for end in list(trigger.under_way):
            end()
        await asyncio.sleep(10.0)
        assert 2 * UNDER_WAY_MAX == len(trigger.seen)
    assert UNDER_WAY_MAX == trigger.most_under_way


async def test_letters_go_at_the_rate() -> None:
    """The first at once, then one each interval."""
    store, trigger = a_store(5), ScriptedTrigger()
    await store.claim(EVERYTHING, rate=2.0)
    async with running(redriver(trigger, store)):
        await asyncio.sleep(10.0)
    assert pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0]) == [when_s for when_s, _ in trigger.seen]


async def test_what_fails_again_stays_marked_and_is_not_sent_once_more() -> None:
    """A redrive cannot loop."""
    store, trigger = a_store(3), ScriptedTrigger(0.1, failing=["2"])
    await store.claim(EVERYTHING, rate=None)
    async with running(redriver(trigger, store)):
        await asyncio.sleep(100.0)
    (left,) = await store.find(EVERYTHING, limit=10)
    assert ("2", "failed", 1, (ATTEMPT, ATTEMPT)) == (left.event.id, left.redrive_state, left.redrives, left.attempts)
    assert ["1", "2", "3"] == trigger.ids
    assert [(2, 1)] == [(one.delivered, one.failed) for one in store.redrives]


async def test_letters_of_a_trigger_that_is_gone_fail_again() -> None:
    """There is nobody to deliver to: they stay, and the redrive ends."""
    store = a_store(2)
    await store.claim(EVERYTHING, rate=None)
    async with running(Redriver(lambda address: None, {"a": store})):
        await asyncio.sleep(1.0)
    assert [(0, 2, False)] == [(one.delivered, one.failed, one.ended_s is None) for one in store.redrives]
    assert ["failed", "failed"] == [one.redrive_state for one in await store.find(EVERYTHING, limit=10)]


async def test_each_letter_goes_to_the_trigger_it_failed_for() -> None:
    """Found by namespace, Broker and name."""
    store = fill(a_store(1, BILL), 2, MAIL)
    triggers = {BILL: ScriptedTrigger(), MAIL: ScriptedTrigger()}
    await store.claim(EVERYTHING, rate=None)
    async with running(Redriver(triggers.get, {"a": store})):
        await asyncio.sleep(1.0)
    assert (["1"], ["1", "2"]) == (triggers[BILL].ids, triggers[MAIL].ids)


async def test_redrives_go_side_by_side_and_one_that_is_stuck_holds_up_no_other() -> None:
    """Of one store and of several; one that begins later is noticed when it wakes the redriver."""
    first, second = fill(a_store(1, BILL), 2, MAIL), a_store(1, MAIL)
    triggers = {BILL: ScriptedTrigger(None), MAIL: ScriptedTrigger()}
    await first.claim(Selector(trigger="bill"), rate=None)
    one = Redriver(triggers.get, {"a": first, "b": second})
    async with running(one):
        await asyncio.sleep(1.0)
        assert [] == triggers[MAIL].ids
        await first.claim(Selector(trigger="mail"), rate=None)
        await second.claim(EVERYTHING, rate=None)
        one.wake()
        await asyncio.sleep(1.0)
        assert ["1", "1", "2"] == sorted(triggers[MAIL].ids)
    assert [True, False] == [one.ended_s is None for one in first.redrives]


async def test_a_redrive_goes_on_with_what_is_not_yet_at_its_end() -> None:
    """In another process: what was on its way goes once more, what was delivered does not."""
    store, trigger = a_store(100), ScriptedTrigger(None)
    await store.claim(EVERYTHING, rate=None)
    async with running(redriver(trigger, store)):
        await asyncio.sleep(1.0)
        for end in trigger.under_way[:40]:
            end()
    another = ScriptedTrigger(0.1)
    async with running(redriver(another, store)):
        await asyncio.sleep(10.0)
    assert [str(number) for number in range(41, 101)] == another.ids
    assert [(100, 0)] == [(one.delivered, one.failed) for one in store.redrives]


async def test_what_is_on_its_way_while_it_runs_again_is_not_sent_twice() -> None:
    """Cancelled or crashed, it remembers what its Triggers still owe."""
    store, trigger = a_store(3), ScriptedTrigger(5.0)
    await store.claim(EVERYTHING, rate=None)
    one = redriver(trigger, store)
    async with running(one):
        await asyncio.sleep(1.0)
    async with running(one):
        await asyncio.sleep(10.0)
    assert ["1", "2", "3"] == trigger.ids
    assert [3] == [one.delivered for one in store.redrives]


async def test_what_another_process_begins_is_found_though_nobody_tells() -> None:
    """Within a second."""
    store, trigger = a_store(3), ScriptedTrigger()
    async with running(redriver(trigger, store)):
        await asyncio.sleep(0.5)
        await store.claim(EVERYTHING, rate=None)
        await asyncio.sleep(LOOK_INTERVAL_S)
        assert ["1", "2", "3"] == trigger.ids


async def test_one_that_is_stopped_and_started_goes_on_with_what_others_left() -> None:
    """What another process brought to an end meanwhile it knows no more."""
    store, trigger, others = a_store(3), ScriptedTrigger(None), ScriptedTrigger()
    await store.claim(EVERYTHING, rate=None)
    one, another = redriver(trigger, store), redriver(others, store)
    async with running(one):
        await asyncio.sleep(1.0)
    async with running(another):
        await asyncio.sleep(1.0)
    fill(store, 1)
    await store.claim(EVERYTHING, rate=None)
    async with running(one):
        await asyncio.sleep(1.0)
        assert 1 == len(one._drives)
    assert (["1", "2", "3"], ["1", "2", "3", "1"]) == (others.ids, trigger.ids)


async def test_a_reading_that_is_behind_sends_nothing_twice() -> None:
    """A store may tell of letters that were brought to an end while it read, or just before."""
    store, trigger = StaleDeadLetters(), ScriptedTrigger(0.005)
    fill(store, 300)
    await store.claim(EVERYTHING, rate=None)
    async with running(redriver(trigger, store)):
        await asyncio.sleep(100.0)
    assert [str(number) for number in range(1, 301)] == trigger.ids
    assert [True] == [one.ended_s is not None for one in store.redrives]


async def test_a_store_that_finds_nothing_is_asked_again_until_the_redrive_ended() -> None:
    """The store knows when all are accounted for."""
    store, trigger = StaleDeadLetters(blind=2), ScriptedTrigger()
    fill(store, 1)
    await store.claim(EVERYTHING, rate=None)
    async with running(redriver(trigger, store)):
        await asyncio.sleep(1.0)
    assert ["1"] == trigger.ids


async def test_a_store_that_is_away_is_asked_again() -> None:
    """Its redrive waits, and others go on."""
    away, other, trigger = StaleDeadLetters(failures=3), a_store(1, MAIL), ScriptedTrigger()
    fill(away, 1)
    for store in (away, other):
        await store.claim(EVERYTHING, rate=None)
    async with running(redriver(trigger, away, other)):
        await asyncio.sleep(0.05)
        assert 1 == len(trigger.seen)
        await asyncio.sleep(10.0)
    assert ["1", "1"] == trigger.ids


async def test_a_discarded_letter_is_not_sent_and_lets_the_redrive_end() -> None:
    """Little is read ahead where the rate is low."""
    store, trigger = a_store(10), ScriptedTrigger()
    await store.claim(EVERYTHING, rate=1.0)
    async with running(redriver(trigger, store)):
        await asyncio.sleep(2.5)
        await store.discard(EVERYTHING)
        await asyncio.sleep(10.0)
    assert ["1", "2", "3"] == trigger.ids[:3]
    assert len(trigger.ids) <= 4
    assert [False] == [one.ended_s is None for one in store.redrives]
