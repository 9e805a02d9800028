"""Answers that are the same for everybody: discovery and the server's version, with an ETag to ask less by."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import Request, Response

from eventing.apiserver.answer import answer, encode, refuse
from eventing.apiserver.media import JSON, YAML, Format, choose
from eventing.apiserver.refusal import method_not_allowed, not_acceptable
from eventing.resources.identity import Object

Endpoint = Callable[[Request], Awaitable[Response]]
_READING: Final = ("GET", "HEAD")


class Documents:
    """One path's answer in several forms: the plain one, and those that are asked for by `as`.

    `others` are by the kind and the group version asked for.
    """

    def __init__(self, plain: Object, others: Mapping[tuple[str, str], Object] | None = None) -> None:
        self._plain = plain
        self._others = others or {}
        self._kinds: dict[str, tuple[str, ...]] = {}
        for kind, api_version in self._others:
            self._kinds[kind] = (*self._kinds.get(kind, ()), api_version)

    async def __call__(self, request: Request) -> Response:
        """The form that the client wants most, 304 where it has it, 405 for what does not read, or 406."""
        if request.method not in _READING:
            return refuse(method_not_allowed(_READING))
        chosen = choose(request.headers.get("accept", ""), self._kinds)
        if chosen is None:
            return refuse(not_acceptable((JSON, YAML)))
        content = encode(self._others.get((chosen.kind, chosen.api_version), self._plain), chosen.media_type)
        return await answer_tagged(request, content, _content_type(chosen))


async def answer_tagged(request: Request, content: bytes, media_type: str) -> Response:
    """The content with an ETag of it, or 304 for who has it."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:40].upper()}"'
    headers = {"ETag": tag, "Vary": "Accept"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    encoding = request.headers.get("accept-encoding", "")
    return await answer(content, media_type=media_type, accept_encoding=encoding, headers=headers)


def _content_type(chosen: Format) -> str:
    """Clients look for exactly these parameters."""
    if not chosen.kind:
        return chosen.media_type
    group, _, version = chosen.api_version.partition("/")
    return f"{chosen.media_type};g={group};v={version};as={chosen.kind}"
