"""Watches over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import orjson
import pytest

from eventing.apiserver.clock import utc_now
from eventing.apiserver.feed import WatchEvent
from eventing.apiserver.watch_stream import EventTransform, WatchStream
from eventing.listener import Listener
from tests.eventing.apiserver.stage import BROKERS, MERGE, TABLE, Stage, broker, staged

INITIAL = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Stage, httpx2.AsyncClient, Listener]]:
    async with staged() as stage, Listener("--api-port", "127.0.0.1", 0) as listener:
        await listener.start(stage.app)
        async with httpx2.AsyncClient(base_url=listener.url, timeout=10) as client:
            yield stage, client, listener


async def events(lines: AsyncIterator[str], count: int) -> list[dict[str, Any]]:
    return [orjson.loads(await anext(lines)) for _ in range(count)]


async def test_events_come_as_they_happen() -> None:
    """One JSON line each, while the stream goes on."""
    async with served() as (stage, client, _), client.stream("GET", f"{BROKERS}?watch=true") as answer:
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["transfer-encoding"] == "chunked"
        lines = answer.aiter_lines()
        await stage.client.post(BROKERS, json=broker())
        await stage.client.patch(f"{BROKERS}/b", json={"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
        await stage.client.delete(f"{BROKERS}/b")
        found = await events(lines, 3)
        assert [event["type"] for event in found] == ["ADDED", "MODIFIED", "DELETED"]
        assert found[2]["object"]["metadata"]["labels"] == {"a": "b"}


async def test_a_watch_ends_after_its_time() -> None:
    """Properly, so that clients take it up again."""
    async with served() as (stage, client, _):
        await stage.client.post(BROKERS, json=broker())
        answer = await client.get(f"{BROKERS}?{INITIAL}&timeoutSeconds=1")
        assert [orjson.loads(line)["type"] for line in answer.text.splitlines()] == ["ADDED", "BOOKMARK"]


async def test_tables_are_streamed_with_columns_once() -> None:
    """What `kubectl get -w` reads."""
    async with served() as (stage, client, _):
        for name in ("a", "b"):
            await stage.client.post(BROKERS, json=broker(name))
        async with client.stream("GET", f"{BROKERS}?watch=1", headers=TABLE) as answer:
            first, second = await events(answer.aiter_lines(), 2)
        assert first["object"]["kind"] == "Table"
        assert first["object"]["rows"][0]["cells"][0] == "a"
        assert [bool(one["object"]["columnDefinitions"]) for one in (first, second)] == [True, False]


async def test_metadata_alone_can_be_watched() -> None:
    """For who wants no more."""
    partial = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
    async with served() as (stage, client, _):
        await stage.client.post(BROKERS, json=broker())
        async with client.stream("GET", f"{BROKERS}?watch=1", headers=partial) as answer:
            (event,) = await events(answer.aiter_lines(), 1)
        assert event["object"]["kind"] == "PartialObjectMetadata"


async def test_a_server_that_stops_ends_its_watches_at_once() -> None:
    """Or it would wait for them as long as it may."""
    async with served() as (stage, client, listener), client.stream("GET", f"{BROKERS}?watch=1") as answer:
        stage.closing.set()
        async with asyncio.timeout(5):
            assert [line async for line in answer.aiter_lines()] == []
            await listener.stop(60)


async def test_a_client_that_goes_ends_its_watch() -> None:
    """Its reader is gone from the loop."""
    async with served() as (_, client, _):
        async with client.stream("GET", f"{BROKERS}?watch=1"):
            assert len(streams()) == 1
        async with asyncio.timeout(5):
            while streams():
                await asyncio.sleep(0.01)


def streams() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "WatchStream._stream" in repr(task)]


class BrokenFeed:
    """A feed with a bug."""

    async def events(self) -> AsyncIterator[WatchEvent]:
        yield WatchEvent("ADDED", {"metadata": {}})
        raise RuntimeError("a bug")


async def test_a_bug_in_a_feed_is_not_swallowed() -> None:
    """The server logs it, and the client sees the stream break."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    stream = WatchStream(
        BrokenFeed(),
        transform=EventTransform(None, clock=utc_now),
        closing=asyncio.Event(),
        timeout_s=5,  # type: ignore[arg-type]
    )
    with pytest.raises(RuntimeError, match="a bug"):
        await stream({"type": "http"}, receive, send)
    assert sent[-1]["more_body"]


def test_errors_are_statuses_whatever_was_asked_for() -> None:
    """A Table of an error would hide it."""
    status = {"kind": "Status", "code": 410}
    assert EventTransform(None, clock=utc_now, partial="meta.k8s.io/v1")(WatchEvent("ERROR", status)) == status
