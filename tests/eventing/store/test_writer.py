"""The one writer: with a database that the test opens and shuts."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError

from eventing.errors import NotFound, StoreUnavailable
from eventing.resources.identity import key_of
from eventing.store import writer as writer_module
from eventing.store.draft import Draft
from eventing.store.row import Codec
from eventing.store.witness import config_map
from eventing.store.writer import TOGETHER_MAX, Writer
from tests.eventing.store.test_draft import FlatShelf


class Gate:
    """A database whose transactions wait until the test lets them, and then do as the test says."""

    is_shared = False

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.transactions = 0
        self.error: Exception | None = None

    async def read(self, ask: Callable[[Any], Any]) -> Any:
        raise NotImplementedError

    async def write(self, ask: Callable[[Any], Any]) -> Any:
        self.transactions += 1
        await self.is_open.wait()
        if self.error is not None:
            raise self.error
        return ask(self)

    async def close(self) -> None:
        raise NotImplementedError


class Desk:
    """A writer at such a gate, and what was told of it."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.kept: list[list[str]] = []
        self.told: list[list[str]] = []
        self.notices = 0
        self.writer = Writer(self.gate, Codec(None), 10, self._committed, self._notify)
        self.running = asyncio.create_task(self.writer.run())

    def _committed(self, rows: Any) -> None:
        if rows:
            self.told.append(rows)

    def _notify(self, _: object) -> None:
        self.notices += 1


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """With tables that are lists."""
    desk = Desk()

    def keep(*arguments: Any) -> list[Any]:
        names = [step.key.name for step in arguments[2]]
        desk.kept.append(names)
        return names

    monkeypatch.setattr(writer_module, "Rows", lambda *_: FlatShelf())
    monkeypatch.setattr(writer_module, "lock_version", lambda _: 0)
    monkeypatch.setattr(writer_module, "keep", keep)
    yield desk
    desk.running.cancel()
    await asyncio.wait([desk.running])


def put(name: str) -> Callable[[Draft], str]:
    """A verb that writes one object."""

    def verb(draft: Draft) -> str:
        draft.read([key_of(config_map(name))])
        draft.put("ADDED", config_map(name))
        return name

    return verb


def fail(error: Exception) -> Callable[[Draft], str]:
    """A verb that writes, and then thinks better of it."""

    def verb(draft: Draft) -> str:
        put("failed")(draft)
        raise error

    return verb


async def begin(desk: Desk) -> "asyncio.Task[str]":
    """A first call, which the gate holds, so that others gather behind it."""
    first = asyncio.create_task(desk.writer.do(put("first")))
    while not desk.gate.transactions:
        await asyncio.sleep(0)
    return first


async def test_calls_that_wait_share_a_transaction(desk: Desk) -> None:
    """Up to a bound, in their order; each has its own answer."""
    first = await begin(desk)
    others = [asyncio.create_task(desk.writer.do(put(f"{number}"))) for number in range(TOGETHER_MAX + 1)]
    await asyncio.sleep(0)
    desk.gate.is_open.set()
    names = [f"{number}" for number in range(TOGETHER_MAX + 1)]
    assert ["first", *names] == await asyncio.gather(first, *others)
    assert [["first"], names[:-1], names[-1:]] == desk.kept == desk.told
    assert 3 == desk.notices


async def test_one_that_fails_is_alone(desk: Desk) -> None:
    """What it had written is forgotten; the others are kept. A bug is its caller's, too."""
    first = await begin(desk)
    calls = [desk.writer.do(verb) for verb in (put("a"), fail(NotFound("x")), fail(KeyError("bug")), put("b"))]
    waiting = asyncio.gather(*calls, return_exceptions=True)
    await asyncio.sleep(0)
    desk.gate.is_open.set()
    await first
    told = await waiting
    assert ["a", NotFound, KeyError, "b"] == [one if isinstance(one, str) else type(one) for one in told]
    assert ["a", "b"] == desk.kept[1]


async def test_a_dry_run_is_answered_and_not_kept(desk: Desk) -> None:
    """Alone, it makes no change at all, and wakes nobody."""
    desk.gate.is_open.set()
    assert "a" == await desk.writer.do(put("a"), dry_run=True)
    assert ([], 0) == (desk.kept, desk.notices)


async def test_who_gave_up_before_it_was_begun_is_not_done(desk: Desk) -> None:
    """Who gives up later is done all the same."""
    first = await begin(desk)
    second = asyncio.create_task(desk.writer.do(put("second")))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    await asyncio.wait([first, second])
    desk.gate.is_open.set()
    assert "third" == await desk.writer.do(put("third"))
    assert [["first"], ["third"]] == desk.kept


async def test_a_database_that_is_away_is_told_to_all_that_wait(desk: Desk) -> None:
    """Each with an error of its own; the next call finds it back."""
    first = await begin(desk)
    desk.gate.error = StoreUnavailable("away")
    others = asyncio.gather(*(desk.writer.do(put(name)) for name in "ab"), return_exceptions=True)
    await asyncio.sleep(0)
    desk.gate.is_open.set()
    told = [*await asyncio.gather(first, return_exceptions=True), *await others]
    assert ["away"] * 3 == [str(error) for error in told]
    assert 3 == len({id(error) for error in told})
    desk.gate.error = None
    assert "c" == await desk.writer.do(put("c"))


async def test_a_statement_that_fails_is_its_callers_alone(desk: Desk) -> None:
    """Nobody waits because of it, and the writer goes on."""
    desk.gate.error = ProgrammingError("statement", None, Exception("bug"))
    desk.gate.is_open.set()
    with pytest.raises(ProgrammingError):
        await desk.writer.do(put("a"))
    desk.gate.error = None
    assert "b" == await desk.writer.do(put("b"))


async def test_what_was_begun_is_done_before_the_end(desk: Desk) -> None:
    """What was not begun is refused, and so is what comes later."""
    first = await begin(desk)
    second = asyncio.create_task(desk.writer.do(put("second")))
    await asyncio.sleep(0)
    desk.writer.close()
    desk.running.cancel()
    await asyncio.sleep(0)
    desk.gate.is_open.set()
    assert "first" == await first
    for late in (second, desk.writer.do(put("late"))):
        with pytest.raises(StoreUnavailable, match="the store is closed"):
            await late
    assert [["first"]] == desk.kept
