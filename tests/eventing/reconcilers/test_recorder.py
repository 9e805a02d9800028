"""What happened is written down as Events: counted, bounded, forgotten after an hour, and waited for by nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from eventing.errors import StoreUnavailable
from eventing.pen import Pen
from eventing.reconcilers.recorder import EVENTS_MAX, QUEUE_MAX, Recorder, surplus
from eventing.reconcilers.turn import Occurrence
from eventing.resources.core_event import EVENT
from eventing.resources.identity import GroupKind, Key, Object
from eventing.store.contract import Listing
from tests.eventing.stage import settle
from tests.eventing.store.memory_store import MemoryStore

TIMES = ("2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z")


def occurrence(name: str = "t", message: str = "it broke", namespace: str = "n") -> Occurrence:
    metadata = {"namespace": namespace, "name": name, "uid": f"u-{name}", "resourceVersion": "7"}
    item = {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": metadata}
    return Occurrence(item, "Warning", "Broken", message)


class _Away(MemoryStore):
    is_away = False

    async def get(self, key: Key) -> Object:
        if self.is_away:
            raise StoreUnavailable("no route to it")
        return await super().get(key)

    async def list(self, group_kind: GroupKind, namespace: str | None = None, **_: Any) -> Listing:
        if self.is_away:
            raise StoreUnavailable("no route to it")
        return await super().list(group_kind, namespace)


class Scene:
    def __init__(self) -> None:
        self.store = _Away()
        self.now = TIMES[0]
        self.recorder = Recorder(Pen(self.store), lambda: self.now)

    async def events(self) -> list[Object]:
        return [*(await self.store.list(EVENT.group_kind)).items]


@asynccontextmanager
async def recording() -> AsyncIterator[Scene]:
    scene = Scene()
    task = asyncio.create_task(scene.recorder.run())
    yield scene
    task.cancel()
    await asyncio.wait([task])


async def test_an_occurrence_becomes_an_event_about_its_object() -> None:
    async with recording() as scene:
        scene.recorder.tell(occurrence())
        await settle()
        (event,) = await scene.events()
        assert {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Trigger",
            "name": "t",
            "namespace": "n",
            "uid": "u-t",
            "resourceVersion": "7",
        } == event["involvedObject"]
        assert ("Warning", "Broken", "it broke", 1) == tuple(
            event[name] for name in ("type", "reason", "message", "count")
        )
        assert "trigger-controller" == event["source"]["component"]
        assert event["metadata"]["name"].startswith("t.")


async def test_the_same_again_is_counted() -> None:
    """The first time stays, the last one follows; other words are another Event."""
    async with recording() as scene:
        scene.recorder.tell(occurrence())
        await settle()
        scene.now = TIMES[1]
        scene.recorder.tell(occurrence())
        scene.recorder.tell(occurrence(message="it burnt"))
        await settle()
        told = {event["message"]: event for event in await scene.events()}
        assert {"it broke": 2, "it burnt": 1} == {words: event["count"] for words, event in told.items()}
        assert TIMES == (told["it broke"]["firstTimestamp"], told["it broke"]["lastTimestamp"])


async def test_what_waits_is_bounded() -> None:
    """The oldest make room."""
    scene = Scene()
    for number in range(QUEUE_MAX + 1):
        scene.recorder.tell(occurrence(f"t{number}"))
    task = asyncio.create_task(scene.recorder.run())
    await settle(QUEUE_MAX)
    task.cancel()
    await asyncio.wait([task])
    names = {event["involvedObject"]["name"] for event in await scene.events()}
    assert {f"t{number}" for number in range(1, QUEUE_MAX + 1)} == names


async def test_what_cannot_be_written_is_lost_and_the_next_is_not(caplog: pytest.LogCaptureFixture) -> None:
    """A store that is away, or a namespace that goes, is nothing to make noise about."""
    async with recording() as scene:
        scene.store.is_away = True
        scene.recorder.tell(occurrence())
        await settle()
        await scene.recorder.sweep()
        scene.store.is_away = False
        assert [] == await scene.events()
        scene.recorder.tell(occurrence())
        await settle()
        assert 1 == len(await scene.events())
    assert [] == [one for one in caplog.records if one.levelname != "DEBUG"]


async def test_what_is_old_is_swept() -> None:
    async with recording() as scene:
        scene.recorder.tell(occurrence("old"))
        await settle()
        scene.now = TIMES[1]
        scene.recorder.tell(occurrence("young"))
        await settle()
        scene.now = "2026-01-01T01:00:01Z"
        await scene.recorder.sweep()
        assert ["young"] == [event["involvedObject"]["name"] for event in await scene.events()]


def test_each_namespace_keeps_its_youngest() -> None:
    """One that is noisy takes nothing from another."""
    noisy = [event("noisy", f"e{number:05}", f"2026-01-01T00:{number % 60:02}:00Z") for number in range(EVENTS_MAX + 2)]
    quiet = [event("quiet", "e", TIMES[0])]
    gone = surplus([*noisy, *quiet], TIMES[1])
    assert ["e00000", "e00060"] == sorted(key.name for key in gone)
    assert {"noisy"} == {key.namespace for key in gone}


def test_an_event_that_others_wrote_has_the_age_of_its_creation() -> None:
    """`lastTimestamp` may be absent, or null."""
    given = event("n", "e", "")
    assert [] == surplus([given], TIMES[0])
    assert [EVENT.key("n", "e")] == surplus([given], "2026-01-01T01:00:01Z")


def event(namespace: str, name: str, last: str) -> Object:
    metadata = {"namespace": namespace, "name": name, "creationTimestamp": TIMES[0]}
    return {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "lastTimestamp": last or None}
