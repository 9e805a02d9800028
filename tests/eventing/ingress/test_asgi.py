"""The ASGI application alone, spoken to as a server does; what it shares with the other door is in `test_doors`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from channels.errors import ChannelFull
from eventing.ingress.asgi import IngressApp
from eventing.ingress.intake import Intake
from tests.eventing.ingress.door import LIMITS, PATH, KeepingChannel, Place, SlowChannel

HEADERS = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-source", b"/shop"), (b"ce-type", b"sold")]


def scope(**changes: Any) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "headers": HEADERS, **changes}


def body(*chunks: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A receive that gives these chunks, and then waits for ever."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages[-1]["more_body"] = False
    return receiving(*messages)


def receiving(*messages: dict[str, Any]) -> Callable[[], Awaitable[dict[str, Any]]]:
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        message = next(waiting, None)
        return message if message is not None else await asyncio.get_running_loop().create_future()

    return receive


class Asked:
    """An application with one Broker, and what it sent."""

    def __init__(self, channel: Any = None, **limits: Any) -> None:
        self.intake = Intake(replace(LIMITS, **limits))
        self.channel = KeepingChannel() if channel is None else channel
        self.intake.routes = {PATH.encode(): Place(self.channel)}
        self.sent: list[dict[str, Any]] = []

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]]) -> int:
        async def send(message: dict[str, Any]) -> None:
            self.sent.append(message)

        await IngressApp(self.intake)(scope, receive, send)
        return int(self.sent[0]["status"])


async def test_a_body_in_pieces_is_put_together() -> None:
    """Byte for byte, empty pieces too."""
    asked = Asked()
    assert 202 == await asked(scope(), body(b"he", b"", b"llo", b""))
    assert b"hello" == asked.channel.submitted[0][0].data


async def test_a_path_that_is_only_known_decoded_is_known() -> None:
    """`raw_path` is optional in ASGI."""
    plain = scope()
    del plain["raw_path"]
    assert 202 == await Asked()(plain, body(b""))


async def test_what_is_no_http_is_let_go() -> None:
    """A server that asks for lifespan or websockets goes on without."""
    for kind in ("lifespan", "websocket"):
        with pytest.raises(IndexError):
            await Asked()(scope(type=kind), body(b""))


@pytest.mark.parametrize("is_stored", [True, False])
async def test_an_answer_waits_for_the_receipt(is_stored: bool) -> None:
    """And says what it said."""
    channel = SlowChannel()
    asked = Asked(channel)
    asking = asyncio.create_task(asked(scope(), body(b"")))
    await channel.wait_submitted(1)
    await asyncio.sleep(0)
    assert [] == asked.sent
    channel.receipts[0].stored() if is_stored else channel.receipts[0].refused(ChannelFull("full"))
    assert (202 if is_stored else 503) == await asking


async def test_a_receipt_for_a_request_that_was_cancelled_is_for_nobody() -> None:
    """The store went on, and its end harms nothing."""
    channel = SlowChannel()
    asking = asyncio.create_task(Asked(channel)(scope(), body(b"")))
    await channel.wait_submitted(1)
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    channel.receipts[0].stored()


async def test_a_producer_that_leaves_within_a_body_leaves_nothing() -> None:
    """Half an event is none."""
    asked = Asked()
    half = {"type": "http.request", "body": b"half", "more_body": True}
    assert 400 == await asked(scope(), receiving(half, {"type": "http.disconnect"}))
    assert [] == asked.channel.submitted


async def test_a_body_that_takes_too_long_is_408() -> None:
    """The time is that of the whole body."""
    asked = Asked(request_timeout_s=0.0)
    assert 408 == await asked(scope(), receiving({"type": "http.request", "body": b"half", "more_body": True}))
    assert (b"connection", b"close") in asked.sent[0]["headers"]


async def test_an_answer_has_lower_case_headers_and_a_length() -> None:
    """As ASGI wants it; to a HEAD the length is told, the body is not."""
    asked = Asked()
    assert 405 == await asked(scope(method="HEAD"), body(b""))
    headers = dict(asked.sent[0]["headers"])
    assert b"POST, OPTIONS" == headers[b"allow"]
    assert int(headers[b"content-length"]) > 0
    assert b"" == asked.sent[1]["body"]
