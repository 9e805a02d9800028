"""Watches, without HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from eventing.apiserver.feed import Feed, WatchEvent
from eventing.apiserver.query import ListOptions
from eventing.apiserver.refusal import Refused
from eventing.apiserver.target import Target
from eventing.errors import StoreUnavailable
from eventing.resources.core import CONFIG_MAP
from eventing.resources.identity import Key
from eventing.store.contract import Changes
from tests.eventing.apiserver.stage import config_map
from tests.eventing.store.memory_store import MemoryStore

TARGET = Target(CONFIG_MAP.served, "default")
FOREVER_S = 60.0


async def put(store: MemoryStore, name: str, *, namespace: str = "default", **labels: str) -> None:
    item = config_map(name)
    item["metadata"] |= {"namespace": namespace, "labels": labels}
    key = Key("", "ConfigMap", namespace, name)
    listed = await store.list(key.group_kind, namespace)
    if any(one["metadata"]["name"] == name for one in listed.items):
        await store.update(item)
    else:
        await store.create(item)


async def remove(store: MemoryStore, name: str) -> None:
    await store.delete(Key("", "ConfigMap", "default", name))


@asynccontextmanager
async def watched(
    store: MemoryStore, *, bookmark_interval_s: float = FOREVER_S, **options: Any
) -> AsyncIterator["Reading"]:
    options = ListOptions(is_watch=True, **options)  # type: ignore[assignment]
    feed = Feed(store=store, target=TARGET, options=options, bookmark_interval_s=bookmark_interval_s)  # type: ignore[arg-type]
    async with aclosing(feed.events()) as events:
        reading = Reading(events)
        try:
            yield reading
        finally:
            await reading.close()


class Reading:
    """Reads ahead of the test, as a client does."""

    def __init__(self, events: AsyncIterator[WatchEvent]) -> None:
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self.items: list[dict[str, Any]] = []
        self._task = asyncio.create_task(self._read(events))

    async def _read(self, events: AsyncIterator[WatchEvent]) -> None:
        async for event in events:
            self.items.append(event.item)
            await self._queue.put(f"{event.type} {event.item.get('metadata', {}).get('name', '')}".strip())
        await self._queue.put("END")

    async def next(self, count: int = 1) -> list[str]:
        async with asyncio.timeout(5):
            return [await self._queue.get() for _ in range(count)]

    async def settle(self) -> None:
        """Let the watch begin."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})


@pytest.mark.parametrize("version", ["", "0"])
async def test_a_watch_without_a_version_begins_with_what_is_there(version: str) -> None:
    """As if everything had just been added; then come the changes, of this kind and namespace alone."""
    store = MemoryStore()
    await put(store, "a")
    await put(store, "b")
    async with watched(store, resource_version=version) as reading:
        assert await reading.next(2) == ["ADDED a", "ADDED b"]
        await put(store, "x", namespace="other")
        await store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
        await put(store, "c")
        await put(store, "c", on="1")
        await remove(store, "c")
        assert await reading.next(3) == ["ADDED c", "MODIFIED c", "DELETED c"]


async def test_a_watch_goes_on_after_its_version() -> None:
    """Nothing is told twice, and nothing is left out."""
    store = MemoryStore()
    await put(store, "a")
    await put(store, "b")
    async with watched(store, resource_version="1") as reading:
        assert await reading.next() == ["ADDED b"]


async def test_the_end_of_the_beginning_is_marked_where_asked_for() -> None:
    """`sendInitialEvents`: clients wait for the bookmark."""
    store = MemoryStore()
    await put(store, "a")
    options = {"send_initial_events": True, "resource_version_match": "NotOlderThan", "allow_bookmarks": True}
    async with watched(store, **options) as reading:
        assert await reading.next(2) == ["ADDED a", "BOOKMARK"]
        assert reading.items[1] == {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"annotations": {"k8s.io/initial-events-end": "true"}, "resourceVersion": "1"},
        }
    async with watched(store, **{**options, "allow_bookmarks": False}) as reading:
        assert await reading.next() == ["ADDED a"]
        await put(store, "b")
        assert await reading.next() == ["ADDED b"]


async def test_no_initial_events_where_they_are_refused() -> None:
    """From now on, whatever is there."""
    store = MemoryStore()
    await put(store, "a")
    async with watched(store, send_initial_events=False, resource_version_match="NotOlderThan") as reading:
        await reading.settle()
        await put(store, "b")
        assert await reading.next() == ["ADDED b"]


async def test_objects_enter_and_leave_a_selection() -> None:
    """By their labels; those that were there before the watch are known."""
    store = MemoryStore()
    await put(store, "a", team="x")
    await put(store, "b", team="y")
    async with watched(store, resource_version="2", label_selector="team=x") as reading:
        await reading.settle()
        await put(store, "b", team="x")
        await put(store, "a", team="y")
        await put(store, "c", team="y")
        await remove(store, "b")
        assert await reading.next(3) == ["ADDED b", "DELETED a", "DELETED b"]


async def test_a_selection_from_now_knows_what_is_there() -> None:
    """Without a version the beginning is the present."""
    store = MemoryStore()
    await put(store, "a", team="y")
    options = {"send_initial_events": False, "resource_version_match": "NotOlderThan", "label_selector": "team=x"}
    async with watched(store, **options) as reading:
        await reading.settle()
        await put(store, "a", team="x")
        assert await reading.next() == ["ADDED a"]


async def test_one_object_is_watched_by_its_name() -> None:
    """What `kubectl wait` and `kn broker delete --wait` do."""
    store = MemoryStore()
    for name in ("a", "b"):
        await put(store, name)
    async with watched(store, field_selector="metadata.name=b") as reading:
        assert await reading.next() == ["ADDED b"]
        await remove(store, "a")
        await remove(store, "b")
        assert await reading.next() == ["DELETED b"]


async def test_bookmarks_say_how_far_a_quiet_watch_has_come() -> None:
    """So that it can be taken up from there, even if all that happened was of other kinds."""
    store = MemoryStore()
    async with watched(store, bookmark_interval_s=0.01, allow_bookmarks=True) as reading:
        await reading.next()
        await put(store, "x", namespace="other")
        while reading.items[-1]["metadata"]["resourceVersion"] != "1":
            assert await reading.next() == ["BOOKMARK"]


async def test_without_leave_there_are_no_bookmarks() -> None:
    """However long nothing happens."""
    store = MemoryStore()
    async with watched(store, bookmark_interval_s=0.001) as reading:
        await asyncio.sleep(0.02)
        await put(store, "a")
        assert await reading.next() == ["ADDED a"]


async def test_a_watch_from_too_long_ago_ends_with_an_error() -> None:
    """410: list again, then watch."""
    store = MemoryStore(changes_max=1)
    for name in ("a", "b", "c"):
        await put(store, name)
    async with watched(store, resource_version="1") as reading:
        assert await reading.next(2) == ["ERROR", "END"]
        assert (reading.items[0]["code"], reading.items[0]["reason"]) == (410, "Expired")


class AbsentStore(MemoryStore):
    """A store that cannot be reached for watching."""

    @asynccontextmanager
    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[Changes]:  # type: ignore[override]
        raise StoreUnavailable("away")
        yield


async def test_a_watch_ends_with_an_error_where_the_store_goes_away() -> None:
    """503: ask again."""
    async with watched(AbsentStore()) as reading:
        assert await reading.next(2) == ["ERROR", "END"]
        assert reading.items[0]["code"] == 503


class BusyStore(MemoryStore):
    """A store in which others write while a list is read."""

    busy = False

    async def scan(self, *given: Any, **options: Any) -> Any:
        scan = await super().scan(*given, **options)
        if self.busy:
            self.busy = False
            await put(self, "z", on="1")
        return scan


async def test_what_changes_while_it_is_listed_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object of a later page is shown as it is then; the change that made it so is no news."""
    monkeypatch.setattr("eventing.apiserver.reader.PAGE_ITEMS", 1)
    store = BusyStore()
    for name in ("a", "z"):
        await put(store, name)
    store.busy = True
    async with watched(store) as reading:
        assert await reading.next(2) == ["ADDED a", "ADDED z"]
        assert reading.items[1]["metadata"]["labels"] == {"on": "1"}
        await put(store, "z", on="2")
        assert await reading.next() == ["MODIFIED z"]


async def test_what_cannot_be_selected_is_refused_at_once() -> None:
    """Before there is a stream to say it in."""
    with pytest.raises(Refused):
        Feed(store=MemoryStore(), target=TARGET, options=ListOptions(label_selector="="))
