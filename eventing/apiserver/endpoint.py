"""What answers at the paths of the kinds: HTTP's methods as the registry's verbs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from eventing.apiserver.answer import not_found, refuse, warning_headers
from eventing.apiserver.body import CORE_TYPES, OBJECT_TYPES, decode, media_type_of, read_body
from eventing.apiserver.call import Call
from eventing.apiserver.clock import Clock
from eventing.apiserver.patching import Patch, patch_types
from eventing.apiserver.query import DeleteOptions, ListOptions, WriteOptions
from eventing.apiserver.refusal import FAULTS, Refused, Subject, bad_request, method_not_allowed, refusal_of, success
from eventing.apiserver.registry import Registry, Written
from eventing.apiserver.target import Target, resolve, subresources
from eventing.apiserver.watch_stream import EventTransform, WatchStream
from eventing.errors import NotFound

TABLE_CHUNK_ITEMS: Final = 500
"""The limit from which on a Table holds up to `TABLE_MAX_ITEMS`. It is what kubectl asks for unless told, and it slows
itself down after some ten requests: ten thousand rows in twenty pages cost it more than a second of waiting.
"""
TABLE_MAX_ITEMS: Final = 10_000
_Handler = Callable[["ResourceEndpoint", Call], Awaitable[Response]]


class ResourceEndpoint:
    """Answers at every path that leads to a stored kind. Watches end when `closing` is set."""

    def __init__(self, registry: Registry, *, clock: Clock, closing: asyncio.Event) -> None:
        self._registry = registry
        self._clock = clock
        self._closing = closing

    async def __call__(self, request: Request) -> Response:
        """The answer; what leads nowhere has a plain one."""
        # Not `request.url`, which drops control characters, as browsers do: another path would be answered.
        target = resolve(request.scope["path"], self._registry.catalogue)
        if target is None:
            return not_found()
        try:
            if "\0" in request.scope["path"]:
                raise bad_request("the path holds the character U+0000, and no name does")
            call = Call.of(request, target, self._clock)
        except Refused as error:
            return refuse(error)
        try:
            return await _handler(request.method, target)(self, call)
        except FAULTS as error:
            return refuse(refusal_of(error, call.subject))
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads

    async def get(self, call: Call) -> Response:
        """One object."""
        return await call.answer_object(await self._registry.get(call.target))

    async def list(self, call: Call) -> Response:
        """Objects, or their changes."""
        options = ListOptions.of(call.query)
        if options.is_watch:
            return self._watch(call, options)
        limit = options.limit
        if call.table is not None and limit is not None and limit >= TABLE_CHUNK_ITEMS:
            options = replace(options, limit=max(limit, TABLE_MAX_ITEMS))
        encoded = []
        async for page in self._registry.pages(call.target, options):
            encoded.append(call.encoded(page.rows))
        return await call.answer_pages(encoded, page)

    async def create(self, call: Call) -> Response:
        """A new object."""
        options = _write_options(call, "CreateOptions")
        given = await _body(call)
        call.subject = Subject(call.target.kind, _name_in(given))
        return await _answer_written(call, await self._registry.create(call.target, given, options))

    async def update(self, call: Call) -> Response:
        """The whole object anew."""
        options = _write_options(call, "UpdateOptions")
        return await _answer_written(call, await self._registry.update(call.target, await _body(call), options))

    async def patch(self, call: Call) -> Response:
        """A change of an object."""
        media_type = media_type_of(call.request, patch_types(call.target.served))
        content = await read_body(call.request)
        patch = Patch(media_type, await decode(content, media_type, call.target.kind.name))
        options = _write_options(call, "PatchOptions", is_apply=patch.is_apply)
        return await _answer_written(call, await self._registry.patch(call.target, patch, options))

    async def delete(self, call: Call) -> Response:
        """The end of an object: it is shown where finalizers hold it."""
        options = DeleteOptions.of(call.query, await _delete_body(call))
        item, is_gone = await self._registry.delete(call.target, options)
        if is_gone:
            return await call.answer_value(success(call.subject, item["metadata"]["uid"]))
        return await call.answer_object(item)

    async def delete_collection(self, call: Call) -> Response:
        """The end of all that is selected."""
        how = DeleteOptions.of(call.query, await _delete_body(call))
        page = await self._registry.delete_collection(call.target, ListOptions.of(call.query), how)
        return await call.answer_pages([call.encoded(page.rows)], page)

    def _watch(self, call: Call, options: ListOptions) -> Response:
        return WatchStream(
            self._registry.watch(call.target, options),
            transform=event_transform(call),
            closing=self._closing,
            timeout_s=options.timeout_s,
            headers=warning_headers(call.warnings),
        )


def event_transform(call: Call) -> EventTransform:
    """What a watch makes of its events for that client."""
    partial = call.format.api_version if call.format.kind.startswith("Partial") else ""
    return EventTransform(call.table, clock=call.clock, partial=partial)


_OBJECT: Final[dict[str, _Handler]] = {
    "GET": ResourceEndpoint.get,
    "PUT": ResourceEndpoint.update,
    "PATCH": ResourceEndpoint.patch,
    "DELETE": ResourceEndpoint.delete,
}
_COLLECTION: Final[dict[str, _Handler]] = {
    "GET": ResourceEndpoint.list,
    "POST": ResourceEndpoint.create,
    "DELETE": ResourceEndpoint.delete_collection,
}


def _handler(method: str, target: Target) -> _Handler:
    """What the method does there. Raises Refused (405), and NotFound for a subresource that the kind does not have."""
    if target.subresource and target.subresource not in subresources(target.kind):
        raise NotFound(target.subresource)
    handlers = dict(_OBJECT if target.name else _COLLECTION)
    if target.subresource:
        del handlers["DELETE"]
    if not target.name and target.kind.is_namespaced and target.namespace is None:
        handlers = {"GET": ResourceEndpoint.list}
    if method not in handlers:
        raise method_not_allowed(handlers)
    return handlers[method]


async def _body(call: Call) -> Any:
    media_type = media_type_of(call.request, OBJECT_TYPES if call.target.kind.group else CORE_TYPES)
    return await decode(await read_body(call.request), media_type, call.target.kind.name)


def _name_in(given: Any) -> str:
    """What messages call an object that is to be created."""
    metadata = given.get("metadata") if isinstance(given, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


async def _delete_body(call: Call) -> dict[str, object]:
    content = await read_body(call.request)
    if not content.strip():
        return {}
    value = await decode(content, media_type_of(call.request, CORE_TYPES), "DeleteOptions")
    if not isinstance(value, dict):
        raise bad_request("DeleteOptions: a map is expected")
    return value


def _write_options(call: Call, kind: str, *, is_apply: bool = False) -> WriteOptions:
    agent = call.request.headers.get("user-agent", "")
    return WriteOptions.of(call.query, user=call.user, agent=agent, kind=kind, is_apply=is_apply)


async def _answer_written(call: Call, written: Written) -> Response:
    call.warnings += written.warnings
    return await call.answer_object(written.item, status=201 if written.is_created else 200)
