"""What can be read of the stored kinds, in any version that is served: objects, lists page by page, and changes."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from eventing.apiserver.query import ListOptions
from eventing.apiserver.refusal import bad_request
from eventing.apiserver.selector import BadSelector, Selection, select
from eventing.apiserver.target import Target
from eventing.errors import Expired, NotFound
from eventing.resources.identity import Object
from eventing.resources.kind import Kind, Served
from eventing.store.contract import Store, Stored

PAGE_ITEMS: Final = 250
"""Objects that are read at once: some 15 ms of the event loop, which has others to serve."""
_EVENT_FIELDS: Final = frozenset(
    {
        *(f"involvedObject.{name}" for name in ("apiVersion", "fieldPath", "kind", "name", "namespace", "uid")),
        "involvedObject.resourceVersion",
        "reason",
        "reportingComponent",
        "source",
        "type",
    }
)
_NAMED: Final = frozenset({"metadata.name", "metadata.namespace"})
_FIELDS: Final = {
    "Event": _NAMED | _EVENT_FIELDS,
    "Namespace": frozenset({"metadata.name", "name", "status.phase"}),
    "Secret": _NAMED | {"type"},
    "Service": _NAMED | {"spec.clusterIP", "spec.type"},
}
"""The selectable fields of core kinds; custom ones have the names alone."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A stored object in the version of a path: what `item` gives is made anew each time."""

    stored: Stored
    served: Served

    @property
    def item(self) -> Object:
        """See `Stored`."""
        return self.served.kind.from_stored(self.stored.item, self.served.version)

    @property
    def views(self) -> dict[Hashable, Any]:
        """See `Stored`."""
        return self.stored.views


@dataclass(frozen=True, slots=True)
class Made:
    """An object that was made already."""

    item: Object
    views: dict[Hashable, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects of a list, and how to go on: as in `Scan`."""

    rows: tuple[Shown | Made, ...]
    resource_version: str
    continue_token: str = ""
    remaining: int | None = None

    @property
    def items(self) -> tuple[Object, ...]:
        """The objects themselves."""
        return tuple([row.item for row in self.rows])


class Reader:
    """Reads for whoever asks: objects in the version of their path."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, target: Target) -> Object:
        """The object. Raises NotFound."""
        stored = await self._store.get(target.kind.key(target.namespace or "", target.name))
        return target.kind.from_stored(stored, target.served.version)

    async def pages(self, target: Target, options: ListOptions) -> AsyncIterator[Page]:
        """The list, in pages of which each may be empty; only the last one's token is the list's.

        Raises Refused for what cannot be selected, InvalidToken, Expired.
        """
        selection = self.selection(target, options)
        await self._check_version(options)
        if selection.name is not None and target.namespace and not options.continue_token:
            yield await self._single(target, selection)
            return
        left, token = options.limit, options.continue_token
        while True:
            page = await self._page(target, selection, PAGE_ITEMS if left is None else min(left, PAGE_ITEMS), token)
            yield page
            token = page.continue_token
            left = None if left is None else left - len(page.rows)
            if not token or left == 0:
                return
            await asyncio.sleep(0)

    def selection(self, target: Target, options: ListOptions) -> Selection:
        """What the options select. Raises Refused (400)."""
        fields = _fields(target.kind)
        try:
            return select(options.label_selector, options.field_selector, supported=fields.__contains__)
        except BadSelector as error:
            raise bad_request(str(error)) from error

    async def _check_version(self, options: ListOptions) -> None:
        """Only the present can be listed."""
        if (
            options.resource_version_match == "Exact"
            and (at := await self._store.version()) != options.resource_version
        ):
            raise Expired(f"version {options.resource_version} cannot be listed; the store is at {at}")

    async def _single(self, target: Target, selection: Selection) -> Page:
        version = await self._store.version()
        try:
            item = await self.get(Target(target.served, target.namespace, selection.name or ""))
        except NotFound:
            return Page((), version)
        return Page((Made(item),) if selection.matches(item) else (), version)

    async def _page(self, target: Target, selection: Selection, limit: int, token: str) -> Page:
        kind = target.kind
        scan = await self._store.scan(kind.group_kind, target.namespace, limit=limit, continue_token=token)
        rows: Iterable[Shown | Made] = (Shown(stored, target.served) for stored in scan.rows)
        remaining = scan.remaining
        if not selection.is_everything:
            made = (row.item for row in rows)
            rows, remaining = (Made(item) for item in made if selection.matches(item)), None
        return Page(tuple(rows), scan.resource_version, scan.continue_token, remaining)


def _fields(kind: Kind) -> frozenset[str]:
    return _NAMED if kind.group else _FIELDS.get(kind.name, _NAMED)
