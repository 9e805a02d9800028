"""One request to a path that leads to a kind: who asks, for what, and in which format the answer goes out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Final

import orjson
from fastapi import Request, Response

from eventing.apiserver.answer import answer, encode, joined, warning_headers
from eventing.apiserver.clock import Clock
from eventing.apiserver.media import JSON, YAML, Format, choose
from eventing.apiserver.query import INCLUDES, Query
from eventing.apiserver.reader import Page
from eventing.apiserver.refusal import Subject, bad_request, not_acceptable
from eventing.apiserver.table import META_VERSIONS, TableView, partial_metadata
from eventing.apiserver.target import Target
from eventing.resources.identity import Object
from eventing.store.contract import Stored

ADMIN: Final = "admin"
_KINDS: Final = dict.fromkeys(("Table", "PartialObjectMetadata", "PartialObjectMetadataList"), META_VERSIONS)
_USER_MAX_CHARACTERS: Final = 253


@dataclass
class Call:
    """A request on its way to an answer; warnings gather in it. `subject` is what messages are about."""

    request: Request
    target: Target
    query: Query
    format: Format
    user: str
    subject: Subject
    clock: Clock
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, request: Request, target: Target, clock: Clock) -> "Call":
        """The request's call; ages are by this clock. Raises Refused (400, 406)."""
        query = Query(request.query_params.multi_items())
        chosen = choose(request.headers.get("accept", ""), _KINDS)
        if chosen is None:
            raise not_acceptable((JSON, YAML))
        deprecation = target.served.version.deprecation
        subject, warnings = Subject(target.kind, target.name), [deprecation] if deprecation else []
        return cls(request, target, query, chosen, user_of(request), subject, clock, warnings)

    @cached_property
    def table(self) -> TableView | None:
        """How objects are shown in a Table, None where none is asked for. Raises Refused (400)."""
        if self.format.kind != "Table":
            return None
        include = self.query.text("includeObject") or "Metadata"
        if include not in INCLUDES:
            raise bad_request(f"unrecognized includeObject value: {include!r}")
        return TableView(self.target.served.version, api_version=self.format.api_version, include=include)

    async def answer_object(self, item: Object, *, status: int = 200) -> Response:
        """The object as it was asked for."""
        return await self.answer_value(self._transformed(item), status=status)

    async def answer_value(self, value: Any, *, status: int = 200) -> Response:
        """The value as it is."""
        return await self._answer(encode(value, self.format.media_type), status)

    async def answer_pages(self, pages: Iterable[bytes], last: Page) -> Response:
        """The list whose items, or rows, are encoded already."""
        metadata: Object = {"resourceVersion": last.resource_version}
        if last.continue_token:
            metadata["continue"] = last.continue_token
        if last.remaining is not None:
            metadata["remainingItemCount"] = last.remaining
        content = self._list(metadata, [page for page in pages if page])
        if self.format.media_type == YAML:
            content = encode(orjson.loads(content), YAML)
        return await self._answer(content, 200)

    def encoded(self, rows: Iterable[Stored]) -> bytes:
        """Some items of a list, or their rows, parted by commas."""
        table = self.table
        if table is not None:
            return table.encoded(rows, self.clock())
        items = [row.item for row in rows]
        if self.format.kind:
            items = [partial_metadata(item, self.format.api_version) for item in items]
        return orjson.dumps(items)[1:-1]

    def _list(self, metadata: Object, parts: Iterable[bytes]) -> bytes:
        table = self.table
        if table is not None:
            return joined({**_without(table.table([], metadata), "rows")}, "rows", parts)
        served = self.target.served
        kind, api_version = f"{served.kind.name}List", served.api_version
        if self.format.kind:
            kind, api_version = "PartialObjectMetadataList", self.format.api_version
        return joined({"kind": kind, "apiVersion": api_version, "metadata": metadata}, "items", parts)

    def _transformed(self, item: Object) -> Object:
        table = self.table
        if table is not None:
            metadata = {"resourceVersion": item["metadata"].get("resourceVersion", "")}
            return table.table(table.rows([item], self.clock()), metadata)
        return partial_metadata(item, self.format.api_version) if self.format.kind else item

    async def _answer(self, content: bytes, status: int) -> Response:
        response = await answer(
            content,
            status=status,
            media_type=self.format.media_type,
            accept_encoding="" if _is_near(self.request) else self.request.headers.get("accept-encoding", ""),
        )
        for name, value in warning_headers(self.warnings):
            response.headers.append(name, value)
        return response


def _is_near(request: Request) -> bool:
    """On this machine: there bytes cost less than packing them."""
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def user_of(request: Request) -> str:
    """Who asks: whom the caller impersonates, else whom the access layer let in. Raises Refused (400)."""
    impersonated = request.headers.get("impersonate-user", "")
    if len(impersonated) > _USER_MAX_CHARACTERS or not impersonated.isprintable():
        raise bad_request("Impersonate-User: is no name of a user")
    user = request.scope.get("state", {}).get("user", ADMIN)
    return impersonated or str(user)


def _without(value: Object, name: str) -> Object:
    return {key: item for key, item in value.items() if key != name}
