"""What goes on whatever happens: a keeper alone in virtual time, and the lease of a process on a real server."""

import asyncio
import logging
from itertools import count
from typing import Any

import pytest

from channels.redis_streams import RedisServer
from channels.redis_streams.keeper import Keeper
from channels.witness import comes, events_of, ids, receive
from tests.rig.redis import Redis

_numbers = count()


class Work:
    """Each run ends with an error; after the last one it is done."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.begun_s: list[float] = []
        self.told: list[BaseException] = []

    async def run(self) -> None:
        self.begun_s.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)


@pytest.mark.looptime
async def test_a_crash_is_logged_and_reported_and_followed_by_another_run(caplog: pytest.LogCaptureFixture) -> None:
    """As often as it takes, at the same pace; a cancellation that nobody meant is a crash too."""
    crash = KeyError("odd")
    work = Work(crash, crash, asyncio.CancelledError())
    keeper = Keeper("the lease", work.run, pause_s=0.5, report=work.told.append)
    await asyncio.sleep(9.0)
    assert [0.0, 0.5, 1.0, 1.5] == work.begun_s
    assert [KeyError, KeyError, asyncio.CancelledError] == [type(one) for one in work.told]
    assert ["the lease crashed, begins again in 0.5 s"] * 3 == caplog.messages
    assert crash is (caplog.records[0].exc_info or (None, None))[1]
    await keeper.stop()


@pytest.mark.looptime
async def test_what_is_stopped_does_not_begin_again() -> None:
    """Neither where it runs nor where it waits for its next run."""
    work, forever = Work(KeyError("odd"), KeyError("odd")), asyncio.Event()
    waiting = Keeper("waiting", work.run, pause_s=0.5, report=work.told.append)
    running = Keeper("running", forever.wait, pause_s=0.5, report=work.told.append)  # type: ignore[arg-type]
    await asyncio.sleep(0.1)
    await waiting.stop()
    await running.stop(patience_s=2.0)
    assert 2.1 == pytest.approx(asyncio.get_running_loop().time())
    await asyncio.sleep(9.0)
    assert (1, 1) == (len(work.begun_s), len(work.told))


async def test_a_lease_outlives_a_fault_of_our_own(
    redis_rig: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, the lease is renewed, and the other channels are looked after."""
    prefix = f"keeper{next(_numbers)}"
    bounds: Any = {"events_max": 999, "size_max_bytes": 2**30}
    ticks = {"one": 0, "other": 0}
    async with (
        RedisServer(redis_rig.url, prefix=prefix, lease_s=0.5) as server,
        server.channel("d/one", **bounds) as one,
        server.channel("d/other", **bounds) as other,
    ):
        name, tick = server.me, other.tick

        async def crash() -> None:
            ticks["one"] += 1
            raise KeyError("odd")

        async def look() -> None:
            ticks["other"] += 1
            await tick()

        with monkeypatch.context() as patch:
            patch.setattr(one, "tick", crash)
            patch.setattr(other, "tick", look)
            await comes(True, lambda: min(ticks.values()) > 12)
            assert 0 < redis_rig.call("PTTL", f"{prefix}:member:{name}")
            assert (name, "eventing failed at it: KeyError('odd')") == (server.me, server.fault)
        await comes(None, lambda: server.fault)
    assert KeyError is next(one.exc_info[0] for one in caplog.records if one.exc_info and one.levelno == logging.ERROR)


async def test_a_reader_outlives_a_fault_of_our_own(redis_rig: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had in its hands comes all the same."""
    bounds: Any = {"events_max": 999, "size_max_bytes": 2**30}
    async with (
        RedisServer(redis_rig.url, prefix=f"keeper{next(_numbers)}") as server,
        server.channel("d/one", **bounds) as channel,
        channel.subscribe("g") as member,
    ):
        with monkeypatch.context() as patch:
            crashed = asyncio.Event()

            def crash(entries: object) -> None:
                crashed.set()
                raise KeyError(entries)

            patch.setattr(channel.groups["g"], "add", crash)
            await channel.publish(events_of(1, 2))
            await crashed.wait()
        assert ["1", "2"] == ids(await receive(member, 2))
