"""The OpenAPI documents of the kinds over HTTP: what `kubectl explain` reads, and `kubectl apply` validates by.

Documents are made when they are first asked for, and kept encoded.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from fastapi import Request, Response

from eventing.apiserver.answer import encode, not_found, refuse
from eventing.apiserver.document import answer_tagged
from eventing.apiserver.media import JSON, choose, clauses
from eventing.apiserver.refusal import method_not_allowed, not_acceptable
from eventing.resources.identity import Object

V2_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_V2_ASKED: Final = frozenset({V2_PROTOBUF, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"})
"""The `@` is what clients send; the answer has a dot in its place."""


class OpenApi(Protocol):
    """The documents. Pure, and dear enough not to be made twice."""

    def v3_index(self) -> Object:
        """What `/openapi/v3` answers: the documents there are, by path."""

    def v3_document(self, path: str) -> Object | None:
        """The document of a path such as `apis/eventing.knative.dev/v1`, None where there is none."""

    def v2_document(self) -> Object:
        """Everything in Swagger 2.0."""

    def v2_protobuf(self) -> bytes:
        """The same in protobuf."""


class OpenApiEndpoint:
    """Answers at `/openapi/v3`, below it, and at `/openapi/v2`."""

    def __init__(self, documents: OpenApi) -> None:
        self._documents = documents
        self._made: dict[str, bytes] = {}

    async def v3(self, request: Request) -> Response:
        """The index, or the document of the rest of the path."""
        path = request.path_params.get("path", "").strip("/")
        if (refused := _refused(request)) is not None:
            return refused
        if not path:
            content = await self._content("v3", lambda: encode(self._documents.v3_index()))
        else:
            content = await self._content(f"v3/{path}", lambda: _encoded(self._documents.v3_document(path)))
        return await answer_tagged(request, content, JSON) if content else not_found()

    async def v2(self, request: Request) -> Response:
        """In protobuf for who asks for it, else in JSON."""
        if request.method == "GET" and any(
            clause.media_type in _V2_ASKED for clause in clauses(request.headers.get("accept", ""))
        ):
            content = await self._content("v2.protobuf", self._documents.v2_protobuf)
            return await answer_tagged(request, content, V2_PROTOBUF)
        if (refused := _refused(request)) is not None:
            return refused
        content = await self._content("v2", lambda: encode(self._documents.v2_document()))
        return await answer_tagged(request, content, JSON)

    async def _content(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The document of that name, made apart from the event loop; nothing of what there is not is kept."""
        content = self._made.get(name)
        if content is None:
            content = await asyncio.to_thread(make)
            if content:
                self._made[name] = content
        return content


def _encoded(document: Object | None) -> bytes:
    return b"" if document is None else encode(document)


def _refused(request: Request) -> Response | None:
    if request.method != "GET":
        return refuse(method_not_allowed(("GET",)))
    if choose(request.headers.get("accept", ""), {}) is None:
        return refuse(not_acceptable((JSON,)))
    return None
