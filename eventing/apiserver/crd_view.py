"""The CustomResourceDefinitions of the kinds, for who looks them up: `kn source list-types`, `kubectl wait crd/...`.

They are made from the catalogue and never change: they can be read and watched, and nothing else.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from fastapi import Request, Response

from eventing.apiserver.answer import refuse
from eventing.apiserver.call import Call
from eventing.apiserver.clock import Clock, rfc3339
from eventing.apiserver.endpoint import event_transform
from eventing.apiserver.feed import INITIAL_EVENTS_END, WatchEvent
from eventing.apiserver.query import ListOptions
from eventing.apiserver.reader import Made, Page
from eventing.apiserver.refusal import Refused, Subject, bad_request, method_not_allowed, refusal_of
from eventing.apiserver.selector import BadSelector, select
from eventing.apiserver.target import Target
from eventing.apiserver.watch_stream import WatchStream
from eventing.errors import NotFound
from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Object
from eventing.resources.kind import Column, Kind
from eventing.resources.schema import OPEN

CRD: Final = Kind(
    group="apiextensions.k8s.io",
    version="v1",
    name="CustomResourceDefinition",
    plural="customresourcedefinitions",
    fields={"spec": OPEN, "status": OPEN},
    columns=(Column("Created At", ".metadata.creationTimestamp"),),
    is_namespaced=False,
)
CRD_PATH: Final = f"/apis/{CRD.api_version}/{CRD.plural}"
VERSION: Final = "1"
"""Their resource version, for ever."""
_FIELDS: Final = frozenset({"metadata.name"})


class CrdEndpoint:
    """Answers at `CRD_PATH` and below it. `crd_of` makes a kind's definition as one that is served; core kinds
    have none. They date from when
    this was made.
    """

    def __init__(
        self, catalogue: Catalogue, *, crd_of: Callable[[Kind], Object], clock: Clock, closing: asyncio.Event
    ) -> None:
        self._clock = clock
        now = rfc3339(clock())
        self._items = [_dated(crd_of(kind), now) for kind in catalogue if kind.group]
        self._closing = closing

    async def __call__(self, request: Request) -> Response:
        """One definition, those that are selected, or a watch of them."""
        name = request.path_params.get("name", "")
        try:
            if request.method != "GET":
                raise method_not_allowed(("GET",))
            call = Call.of(request, Target(CRD.served, name=name), self._clock)
            return await call.answer_object(self._get(name)) if name else await self._list(call)
        except (NotFound, Refused) as error:
            return refuse(refusal_of(error, Subject(CRD, name)))

    def _get(self, name: str) -> Object:
        for item in self._items:
            if item["metadata"]["name"] == name:
                return item
        raise NotFound(name)

    async def _list(self, call: Call) -> Response:
        options = ListOptions.of(call.query)
        try:
            selection = select(options.label_selector, options.field_selector, supported=_FIELDS.__contains__)
        except BadSelector as error:
            raise bad_request(str(error)) from error
        items = [item for item in self._items if selection.matches(item)]
        if not options.is_watch:
            return await call.answer_pages([call.encoded(map(Made, items))], Page((), VERSION))
        feed = _StillFeed(items, options)
        return WatchStream(feed, transform=event_transform(call), closing=self._closing, timeout_s=options.timeout_s)


class _StillFeed:
    """A watch of what never changes."""

    def __init__(self, items: list[Object], options: ListOptions) -> None:
        self._items = items
        self._options = options

    async def events(self) -> AsyncGenerator[WatchEvent, None]:
        options = self._options
        if options.send_initial_events or (options.send_initial_events is None and options.is_from_now):
            for item in self._items:
                yield WatchEvent("ADDED", item)
        if options.send_initial_events and options.allow_bookmarks:
            metadata = {"annotations": {INITIAL_EVENTS_END: "true"}, "resourceVersion": VERSION}
            yield WatchEvent("BOOKMARK", {"apiVersion": CRD.api_version, "kind": CRD.name, "metadata": metadata})
        await asyncio.Event().wait()


def _dated(crd: Object, now: str) -> Object:
    """The definition with what a store would have added."""
    metadata = {**crd["metadata"], "resourceVersion": VERSION, "generation": 1, "creationTimestamp": now}
    return {**crd, "metadata": metadata}
