"""What can be read of the stored kinds, in any version that is served: objects, lists page by page, and changes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from eventing.apiserver.query import ListOptions
from eventing.apiserver.refusal import bad_request
from eventing.apiserver.selector import BadSelector, Selection, select
from eventing.apiserver.target import Target
from eventing.errors import Expired, NotFound
from eventing.resources.identity import Object
from eventing.resources.kind import Kind
from eventing.store.contract import Store

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
class Page:
    """Some objects of a list, and how to go on: as in `Listing`."""

    items: tuple[Object, ...]
    resource_version: str
    continue_token: str = ""
    remaining: int | None = None


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
            left = None if left is None else left - len(page.items)
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
        return Page((item,) if selection.matches(item) else (), version)

    async def _page(self, target: Target, selection: Selection, limit: int, token: str) -> Page:
        kind, version = target.served
        listing = await self._store.list(kind.group_kind, target.namespace, limit=limit, continue_token=token)
        shown = (kind.from_stored(item, version) for item in listing.items)
        items = tuple(item for item in shown if selection.matches(item))
        remaining = listing.remaining if selection.is_everything else None
        return Page(items, listing.resource_version, listing.continue_token, remaining)


def _fields(kind: Kind) -> frozenset[str]:
    return _NAMED if kind.group else _FIELDS.get(kind.name, _NAMED)
