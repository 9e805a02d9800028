"""Leases in SQL obey their laws: in a SQLite file, in a real PostgreSQL, and between real processes."""

import asyncio
import signal
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Connection, text

from eventing.errors import LeaseLost, StoreUnavailable
from eventing.resources.identity import Object, key_of
from eventing.store.conformance import LEASE_LAWS
from eventing.store.conformance_lease import LeaseLaw, acquired
from eventing.store.database import open_database
from eventing.store.listener import POLL_S
from eventing.store.postgres import APPLICATION, STANDSTILL_MAX_S
from eventing.store.sql import SqlStore
from eventing.store.witness import config_map
from tests.rig.postgres import Postgres

ROOT = Path(__file__).parents[3]
DURATION_S = 0.5


@pytest.mark.parametrize("law", LEASE_LAWS, ids=lambda law: law.__name__)
async def test_they_obey(law: LeaseLaw, database_url: str) -> None:
    """Both doors are the process's only one."""
    async with SqlStore(database_url) as store:
        await law(store, store)


@pytest.mark.parametrize("law", LEASE_LAWS, ids=lambda law: law.__name__)
async def test_they_obey_between_strangers(law: LeaseLaw, postgres_url: str) -> None:
    """Two stores over one PostgreSQL."""
    async with SqlStore(postgres_url) as first, SqlStore(postgres_url) as second:
        await law(first, second)


async def hold_and_write(url: str) -> None:
    """What a child process does: it keeps the lease, and counts under it until it is told that it lost it."""
    async with SqlStore(url) as store:
        lease = await acquired(store.leases, "child", duration_s=DURATION_S)
        fenced, number = store.under(lease), 0
        try:
            while True:
                number += 1
                await fenced.update(config_map(count=f"{number}"))
                await store.leases.renew(lease, duration_s=DURATION_S)
                print(f"wrote {number}", flush=True)
        except LeaseLost:
            print("lost", flush=True)


async def counting_child(url: str) -> asyncio.subprocess.Process:
    """A process that does so."""
    code = (
        "import asyncio, sys; from tests.eventing.store.test_lease_table import hold_and_write;"
        "asyncio.run(hold_and_write(sys.argv[1]))"
    )
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )


async def test_a_process_that_stood_still_is_fenced(postgres_url: str) -> None:
    """It wakes up in the belief that it still holds the lease: nothing that it wants to write then is written.

    Wherever in its work it was stopped, in the middle of a transaction too.
    """
    async with SqlStore(postgres_url) as store:
        await store.create(config_map())
        for _ in range(5):
            child = await counting_child(postgres_url)
            assert child.stdout is not None
            async with asyncio.timeout(60):
                while not (await child.stdout.readline()).startswith(b"wrote 3"):
                    pass
                child.send_signal(signal.SIGSTOP)
                while (lease := await store.leases.acquire("l", "heir", duration_s=60)) is None:
                    await asyncio.sleep(0.02)
                before = await store.under(lease).update(config_map(count="heir"))
                child.send_signal(signal.SIGCONT)
                said = (await child.stdout.read()).decode().splitlines()
                await child.wait()
            # Stopped within a transaction it lost its connection, too, and ends by that.
            assert ["lost"] == [line for line in said if not line.startswith("wrote")] or child.returncode
            assert before == await store.get(key_of(before)), said
            await store.leases.release(lease)


async def test_who_stands_still_in_a_transaction_holds_nobody_up(postgres_url: str) -> None:
    """Its locks are taken from it after some seconds, and it is told that the database is away."""
    database = open_database(postgres_url)
    async with SqlStore(postgres_url) as store:
        lease = await acquired(store.leases, "still", duration_s=0)

        def stand_still(connection: Connection) -> None:
            connection.execute(text("SELECT * FROM leases FOR UPDATE"))
            connection.execute(text("SELECT version FROM revision FOR UPDATE"))
            time.sleep(STANDSTILL_MAX_S + 1)
            connection.execute(text("SELECT 1"))

        began = time.monotonic()
        standing = asyncio.create_task(asyncio.to_thread(asyncio.run, _do_alone(postgres_url, stand_still)))
        await asyncio.sleep(0.5)
        await store.leases.renew(lease, duration_s=60)
        item: Object = await store.create(config_map())
        assert item["metadata"]["name"] == "a"
        assert time.monotonic() - began < STANDSTILL_MAX_S + 1
        with pytest.raises(StoreUnavailable):
            await standing
    await database.close()


async def _do_alone(url: str, stand_still: object) -> None:
    """On an event loop of its own, which stands still as well."""
    database = open_database(url)
    try:
        await database.write(stand_still)  # type: ignore[arg-type]
    finally:
        await database.close()


async def test_who_stands_still_in_a_statement_holds_nobody_up(postgres_url: str, postgres: Postgres) -> None:
    """PostgreSQL waits for the rest of it without an end: whoever listens to changes has its session ended."""
    dsn = postgres_url.replace("postgresql+asyncpg", "postgresql")
    async with SqlStore(postgres_url) as store:
        lease = await acquired(store.leases, "still", duration_s=0)
        still = await asyncpg.connect(dsn, server_settings={"application_name": APPLICATION})
        await still.execute("BEGIN; SELECT * FROM leases FOR UPDATE")
        await still.prepare("SELECT 1")  # parsed, and never executed
        state = f"SELECT state || wait_event FROM pg_stat_activity WHERE pid = {still.get_server_pid()}"
        assert "activeClientRead" == postgres.query("store", state)
        async with asyncio.timeout(2 * STANDSTILL_MAX_S + POLL_S):
            await store.leases.renew(lease, duration_s=60)
        still.terminate()
