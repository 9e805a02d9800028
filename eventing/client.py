"""The sender's side: CloudEvents over HTTP to a Broker, a Channel or any other sink."""

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, Literal, Self

from channels import codec
from channels.event import Event

if TYPE_CHECKING:
    import httpx2

Mode = Literal["binary", "structured"]

_REASON_MAX: Final = 1024


class Refused(Exception):  # noqa: N818 - named for what it is, like the errors of the kernel
    """The receiver answered, and did not take the event.

    `status` is the HTTP status, `reason` the receiver's words, at most 1024 characters of them.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


class Unanswered(ConnectionError):  # noqa: N818
    """No answer came: no connection, a broken one, or silence until the timeout. The event may have arrived or not."""


class Client:
    """Sends events to one URL over connections it keeps.

        async with Client("http://localhost:8080/default/shop") as client:
            await client.send(Event.from_attributes({"id": "1", "source": "/till", "type": "sold"}, b"{}"))

    `timeout_s` bounds each wait for the network: to connect, to write, to read. Redirects are not followed. Any number
    of tasks may send between enter and leave, and cancelling one leaves the client usable.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._stack = AsyncExitStack()
        self._http: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        import httpx2

        # An idle connection is dropped before the receiver would do it (60 s), so that no send meets a closing one.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=30.0)
        client = httpx2.AsyncClient(timeout=self._timeout_s, limits=limits)
        self._http = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._http = None
        await self._stack.aclose()

    async def send(self, event: Event, mode: Mode = "binary") -> None:
        """Return once the receiver accepted the event (2xx). Raises Refused or Unanswered; never retries."""
        if mode == "binary":
            await self._post(codec.binary_headers(event), event.data or b"")
        else:
            await self._post([(b"content-type", codec.STRUCTURED.encode())], codec.encode_structured(event))

    async def send_batch(self, events: Sequence[Event]) -> None:
        """Return once the receiver accepted all events; where it refuses, it took none. Raises as `send` does."""
        await self._post([(b"content-type", codec.BATCH.encode())], codec.encode_batch(events))

    async def _post(self, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        import httpx2

        if self._http is None:
            raise RuntimeError("a Client sends between `async with` and its end")
        try:
            response = await self._http.post(self._url, content=body, headers=headers)
        except httpx2.TransportError as error:
            raise Unanswered(str(error) or type(error).__name__) from error
        if not response.is_success:
            raise Refused(response.status_code, _reason_in(response))


def _reason_in(response: "httpx2.Response") -> str:
    """The answer's words: `message` of a JSON object, else its text, else what the status is called."""
    try:
        answer = json.loads(response.content)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("message"), str):
        return str(answer["message"])[:_REASON_MAX]
    return response.text.strip()[:_REASON_MAX] or response.reason_phrase
