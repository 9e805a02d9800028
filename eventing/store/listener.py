"""How one process hears of another's writes in PostgreSQL: LISTEN and NOTIFY, and a look now and then as a net."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import asyncpg
from sqlalchemy import make_url

from eventing.errors import StoreUnavailable
from eventing.store.database import translated
from eventing.store.notice import CHANNEL, WORDS
from eventing.store.postgres import APPLICATION, AWAY, STANDSTILL_MAX_S

POLL_S: Final = 5.0
"""How late a change is seen whose notice was lost, as with a connection that died without a word."""
_CONNECT_TIMEOUT_S: Final = 10.0
LISTENER: Final = "eventing listener"
"""What PostgreSQL knows its session by."""
_END_STANDSTILLS: Final = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = '{APPLICATION}'
AND xact_start IS NOT NULL AND state = 'active' AND wait_event = 'ClientRead'
AND state_change < clock_timestamp() - interval '{STANDSTILL_MAX_S} s'
"""  # noqa: S608 - of constants
"""PostgreSQL ends a session that is idle in a transaction; to one that waits for the rest of a statement, whose client
stands still or has gone with its machine, no timeout of its own applies. Looked for at every poll, by whoever listens.
"""
_PAUSE_MIN_S: Final = 1.0
_PAUSE_MAX_S: Final = 30.0
"""Between attempts to connect, doubling; each is a line in the log."""

_log = logging.getLogger(__name__)


class Listener:
    """A connection of its own, which calls `wake` for every notice of a change, and once at the start of each
    connection, and `hear` for what other processes say.
    """

    def __init__(self, url: str, wake: Callable[[], None], hear: Callable[[str], None] = lambda _: None) -> None:
        self._dsn: Final = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._wake: Final = wake
        self._hear: Final = hear
        self._connected = False

    async def run(self) -> None:
        """For ever; while the server is away, it asks again after pauses that grow."""
        wait_s = _PAUSE_MIN_S
        while True:
            self._connected = False
            try:
                with translated(AWAY):
                    await self._listen()
            except StoreUnavailable as error:
                wait_s = _PAUSE_MIN_S if self._connected else min(2 * wait_s, _PAUSE_MAX_S)
                _log.warning("%s; trying again in %.0f s", error, wait_s)
            await asyncio.sleep(wait_s)

    async def _listen(self) -> None:
        """Until the connection is lost, which it raises as OSError."""
        settings = {"application_name": LISTENER}
        connection = await asyncpg.connect(self._dsn, timeout=_CONNECT_TIMEOUT_S, server_settings=settings)
        try:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, lambda *_: self._wake())
            await connection.add_listener(WORDS, lambda *told: self._hear(told[-1]))
            self._connected = True
            while not lost.is_set():
                self._wake()
                await connection.execute(_END_STANDSTILLS)
                await _within(POLL_S, lost)
            raise ConnectionError("the connection was lost")
        finally:
            connection.terminate()


async def _within(time_s: float, event: asyncio.Event) -> None:
    """Wait for the event, or that long."""
    try:
        async with asyncio.timeout(time_s):
            await event.wait()
    except TimeoutError:
        return
