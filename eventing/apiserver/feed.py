"""A watch as one client sees it: what is there first where asked for, then every change of what it selects, bookmarks
in between, and an error at the end where it cannot go on.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final, Literal

from eventing.apiserver.query import ListOptions
from eventing.apiserver.reader import Reader
from eventing.apiserver.refusal import Subject, refusal_of
from eventing.apiserver.selection_change import Everything, SelectionChange
from eventing.apiserver.selector import Selection
from eventing.apiserver.target import Target
from eventing.errors import Expired, StoreUnavailable
from eventing.resources.identity import Key, Object, key_of
from eventing.store.contract import Change, Store

BOOKMARK_INTERVAL_S: Final = 60.0
"""Of a watch in which nothing happens: what the Kubernetes API server takes."""
INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of the stream."""

    type: EventType
    item: Object


class Feed:
    """The events of one watch. It is read once, and holds nothing but which objects are selected."""

    def __init__(
        self, *, store: Store, target: Target, options: ListOptions, bookmark_interval_s: float = BOOKMARK_INTERVAL_S
    ) -> None:
        self._store = store
        self._reader = Reader(store)
        self._target = target
        self._options = options
        self._interval_s = bookmark_interval_s
        self._selection: Selection = self._reader.selection(target, options)
        self._listed: dict[Key, int] = {}

    async def events(self) -> AsyncGenerator[WatchEvent, None]:
        """All events, without an end of its own but the one after an error."""
        try:
            async for event in self._events():
                yield event
        except (Expired, StoreUnavailable) as error:
            yield WatchEvent("ERROR", refusal_of(error, Subject(self._target.kind)).status)

    async def _events(self) -> AsyncGenerator[WatchEvent, None]:
        options, since = self._options, None
        if options.send_initial_events or (options.send_initial_events is None and options.is_from_now):
            async for page in self._reader.pages(self._target, self._initial_options()):
                since = page.resource_version
                for item in page.items:
                    self._remember(item, since)
                    yield WatchEvent("ADDED", item)
            if options.send_initial_events and options.allow_bookmarks:
                yield self._bookmark(since or "", {INITIAL_EVENTS_END: "true"})
        elif not options.is_from_now:
            since = options.resource_version
        async for event in self._changes(since):
            yield event

    async def _changes(self, since: str | None) -> AsyncGenerator[WatchEvent, None]:
        kind = self._target.kind
        async with self._store.watch(kind.group_kind, namespace=self._target.namespace, since=since) as changes:
            told = await self._told(since)
            while True:
                try:
                    change = await asyncio.wait_for(anext(changes), self._interval_s)
                except TimeoutError:
                    if self._options.allow_bookmarks:
                        yield self._bookmark(changes.resource_version, None)
                    continue
                if event := self._event(change, told):
                    yield event

    def _event(self, change: Change, told: SelectionChange) -> WatchEvent | None:
        """What the client is told of a change, None where it is nothing or was told already."""
        listed = self._listed.get(key_of(change.item)) if self._listed else None
        if listed is not None:
            if int(change.item["metadata"]["resourceVersion"]) <= listed:
                return None
            del self._listed[key_of(change.item)]
        shown = self._target.kind.from_stored(change.item, self._target.served.version)
        event_type = told.type_of(change.type, shown)
        return None if event_type is None else WatchEvent(event_type, shown)

    def _remember(self, item: Object, version: str) -> None:
        """Objects that changed while they were listed are not told of twice."""
        changed = int(item["metadata"]["resourceVersion"])
        if changed > int(version):
            self._listed[key_of(item)] = changed

    async def _told(self, since: str | None) -> SelectionChange:
        """Who knows what is selected at the beginning."""
        if not self._selection.can_change:
            return Everything(self._selection.matches)
        version = int(since if since is not None else await self._store.version())
        told = SelectionChange(self._selection.matches, version=version)
        everything = ListOptions(resource_version="0")
        async for page in self._reader.pages(self._target, everything):
            for item in page.items:
                told.learn(item)
        return told

    def _initial_options(self) -> ListOptions:
        return ListOptions(label_selector=self._options.label_selector, field_selector=self._options.field_selector)

    def _bookmark(self, version: str, annotations: dict[str, str] | None) -> WatchEvent:
        metadata: Object = {"annotations": annotations} if annotations else {}
        metadata["resourceVersion"] = version
        served = self._target.served
        item = {"apiVersion": served.api_version, "kind": served.kind.name, "metadata": metadata}
        return WatchEvent("BOOKMARK", item)
