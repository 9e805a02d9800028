"""The Client, against a scripted HTTP peer on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from channels import codec
from channels.event import Event
from eventing.client import Client, Refused, Unanswered

EVENT = Event.from_attributes(
    {"id": "1", "source": "/till", "type": "sold", "subject": "Käse 5%", "datacontenttype": "text/plain"}, b"\x00\xff"
)
ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


@dataclass
class Peer:
    """Answers each request with the same bytes; None hangs up, b"" stays silent."""

    answer: bytes | None = ACCEPTED
    url: str = ""
    connections: int = 0
    requests: list[tuple[dict[bytes, bytes], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.split(b"\r\n")[1:-2]
                headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
                self.requests.append((headers, await reader.readexactly(int(headers.get(b"content-length", b"0")))))
                if self.answer is None:
                    break
                writer.write(self.answer)
        except asyncio.IncompleteReadError:
            pass  # the client closed the connection
        finally:
            writer.close()


@asynccontextmanager
async def listening(answer: bytes | None = ACCEPTED) -> AsyncIterator[Peer]:
    peer = Peer(answer)
    async with await asyncio.start_server(peer.serve, "127.0.0.1", 0) as server:
        peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/default/shop"
        yield peer


async def test_a_binary_event_arrives_as_it_was() -> None:
    """Attributes as headers, data byte for byte: decoding the request gives the event back."""
    async with listening() as peer, Client(peer.url) as client:
        await client.send(EVENT)
    [(headers, body)] = peer.requests
    assert [EVENT] == codec.decode_request(headers.items(), body)
    assert (b"sold", b"text/plain", b"\x00\xff") == (headers[b"ce-type"], headers[b"content-type"], body)


async def test_a_structured_event_is_one_json_text() -> None:
    """Nothing of the event is in headers."""
    async with listening() as peer, Client(peer.url) as client:
        await client.send(EVENT, mode="structured")
    [(headers, body)] = peer.requests
    assert (codec.STRUCTURED.encode(), False) == (headers[b"content-type"], b"ce-id" in headers)
    assert [EVENT] == codec.decode_request(headers.items(), body)


async def test_a_batch_is_one_request() -> None:
    """All events in the order given."""
    events = [EVENT, EVENT.with_attributes({"id": "2"})]
    async with listening() as peer, Client(peer.url) as client:
        await client.send_batch(events)
    [(headers, body)] = peer.requests
    assert events == codec.decode_request(headers.items(), body)


async def test_an_event_without_data_has_an_empty_body() -> None:
    """No data is no body, and the receiver sees no data."""
    event = Event.from_attributes({"id": "1", "source": "/till", "type": "sold"})
    async with listening() as peer, Client(peer.url) as client:
        await client.send(event)
    [(headers, body)] = peer.requests
    assert [event] == codec.decode_request(headers.items(), body)


async def test_connections_are_kept() -> None:
    """Sending again costs no connection."""
    async with listening() as peer, Client(peer.url) as client:
        for _ in range(3):
            await client.send(EVENT)
    assert (1, 3) == (peer.connections, len(peer.requests))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"message": "id: this required attribute is missing"}', "id: this required attribute is missing"),
        (b"not today\n", "not today"),
        (b"[1]", "[1]"),
        (b"", "Bad Request"),
        (b"x" * 5000, "x" * 1024),
    ],
)
async def test_a_refusal_carries_status_and_words(body: bytes, reason: str) -> None:
    """The words are the answer's message, else its text, else the status' name; bounded."""
    answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    async with listening(answer) as peer, Client(peer.url) as client:
        with pytest.raises(Refused) as refused:
            await client.send(EVENT)
    assert (400, reason) == (refused.value.status, refused.value.reason)
    assert f"400: {reason}" == str(refused.value)


async def test_a_redirect_is_a_refusal() -> None:
    """Events go where they were sent, or nowhere."""
    answer = b"HTTP/1.1 307 Moved\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"
    async with listening(answer) as peer, Client(peer.url) as client:
        with pytest.raises(Refused, match="307"):
            await client.send(EVENT)
    assert 1 == len(peer.requests)


async def test_a_peer_that_hangs_up_gave_no_answer() -> None:
    """A broken connection is Unanswered, and a ConnectionError to who does not know this library."""
    async with listening(None) as peer, Client(peer.url) as client:
        with pytest.raises(ConnectionError) as raised:
            await client.send(EVENT)
    assert isinstance(raised.value, Unanswered)


async def test_a_silent_peer_gave_no_answer_in_time() -> None:
    """timeout_s bounds the wait."""
    async with listening(b"") as peer, Client(peer.url, timeout_s=0.05) as client:
        with pytest.raises(Unanswered) as raised:
            await client.send(EVENT)
    assert "" != str(raised.value)


async def test_nobody_there_is_no_answer() -> None:
    """A refused connection is Unanswered too."""
    async with listening() as peer:
        pass
    async with Client(peer.url) as client:
        with pytest.raises(Unanswered):
            await client.send(EVENT)


async def test_a_client_sends_only_between_enter_and_leave() -> None:
    """Anything else is a mistake of the caller's."""
    client = Client("http://127.0.0.1:1/")
    with pytest.raises(RuntimeError, match="async with"):
        await client.send(EVENT)
    async with client:
        pass
    with pytest.raises(RuntimeError, match="async with"):
        await client.send(EVENT)
