"""An application that is made when somebody asks it something."""

import asyncio
import threading
from collections.abc import Callable

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from eventing.app.late_app import LateApp


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Maker:
    """Makes that application once it may; the first `faults` times it raises instead. Counts, and knows its threads."""

    def __init__(self, *, faults: int = 0) -> None:
        self.threads: list[threading.Thread] = []
        self.may = threading.Event()
        self._faults = faults

    def __call__(self) -> ASGIApp:
        self.threads.append(threading.current_thread())
        assert self.may.wait(10)
        if len(self.threads) <= self._faults:
            raise RuntimeError("not made")
        return answering


async def status(app: ASGIApp) -> int:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://late") as client:
        return (await client.get("/")).status_code


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_it_is_made_once_for_the_first_request_and_not_by_the_event_loop() -> None:
    """Nobody asks: nothing is made. Whoever comes meanwhile waits with the first."""
    maker = Maker()
    app = LateApp(maker)
    assert [] == maker.threads
    asked = [asyncio.create_task(status(app)) for _ in range(3)]
    await until(lambda: maker.threads)
    maker.may.set()
    assert [204, 204, 204] == await asyncio.gather(*asked)
    assert 204 == await status(app)
    assert [False] == [thread is threading.main_thread() for thread in maker.threads]


async def test_who_goes_away_takes_nothing_from_others() -> None:
    """A client that hangs up while it is made."""
    maker = Maker()
    app = LateApp(maker)
    gone, stays = asyncio.create_task(status(app)), asyncio.create_task(status(app))
    await until(lambda: maker.threads)
    gone.cancel()
    await asyncio.wait([gone])
    maker.may.set()
    assert 204 == await stays
    assert 1 == len(maker.threads)


async def test_what_keeps_it_from_being_made_is_raised_and_the_next_request_tries_again() -> None:
    """To all who wait for it."""
    maker = Maker(faults=1)
    maker.may.set()
    app = LateApp(maker)
    with pytest.raises(RuntimeError, match="not made"):
        await status(app)
    assert 204 == await status(app)
