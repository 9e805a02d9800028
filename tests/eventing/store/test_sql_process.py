"""A store of several processes, which are real ones, and end by SIGKILL."""

import asyncio
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from eventing.resources.identity import Object, key_of
from eventing.store.sql import SqlStore
from eventing.store.witness import CONFIG_MAPS, config_map, next_change, owned_by, version_of

ROOT: Final = Path(__file__).parents[3]
WRITERS: Final = 3
WAIT_MAX_S: Final = 30.0


async def write_for_ever(url: str, name: str) -> None:
    """What a child process does: pairs of owner and owned, told once they are stored, then taken away again."""
    async with SqlStore(url) as store:
        number = 0
        while True:
            number += 1
            await asyncio.gather(*(_write(store, f"{name}-{number}-{lane}") for lane in range(5)))


async def _write(store: SqlStore, name: str) -> None:
    owner = await store.create(config_map(name))
    await store.create(owned_by(owner, name=f"{name}-owned"))
    print(f"created {name}", flush=True)
    if name.endswith("-0"):
        await store.delete(key_of(owner))
        print(f"deleted {name}", flush=True)


async def writer(url: str, name: str) -> asyncio.subprocess.Process:
    """A process that does so."""
    code = (
        "import asyncio, sys; from tests.eventing.store.test_sql_process import write_for_ever;"
        "asyncio.run(write_for_ever(*sys.argv[1:]))"
    )
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, url, name, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )


async def told(process: asyncio.subprocess.Process, lines: int) -> list[str]:
    """So many of its lines."""
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_MAX_S):
        return [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(lines)]


async def end(process: asyncio.subprocess.Process) -> list[str]:
    """Kill it, and return what it said until then; a line that was cut was not said."""
    process.kill()
    assert process.stdout is not None
    rest = (await process.stdout.read()).decode()
    await process.wait()
    return rest.split("\n")[:-1]


def check(items: tuple[Object, ...], lines: list[str]) -> None:
    """Nothing acknowledged is lost, and nothing is half done."""
    names = {item["metadata"]["name"] for item in items}
    done: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        verb, name = line.split(" ")
        done[verb].add(name)
    for name in done["created"] - done["deleted"]:
        if not name.endswith("-0"):
            assert {name, f"{name}-owned"} <= names, name
    assert set() == done["deleted"] & names
    uids = {item["metadata"]["uid"] for item in items}
    for item in items:
        assert {owner["uid"] for owner in item["metadata"].get("ownerReferences", [])} <= uids


async def test_watchers_see_every_version_of_many_processes(postgres_url: str) -> None:
    """In the order of their commits, without a gap: no reader passes over a row that is committed later."""
    async with SqlStore(postgres_url) as store, store.watch() as changes:
        processes = await asyncio.gather(*(writer(postgres_url, f"p{number}") for number in range(WRITERS)))
        said = [line for lines in await asyncio.gather(*(told(one, 40) for one in processes)) for line in lines]
        said += [line for lines in await asyncio.gather(*map(end, processes)) for line in lines]
        last = await _last(store)
        versions, names = [], set()
        while changes.resource_version != last:
            change = await next_change(changes)
            versions.append(version_of(change.item))
            names.add(change.item["metadata"]["name"])
        assert list(range(1, int(last) + 1)) == versions
        assert {line.split(" ")[1] for line in said} <= names
        check((await store.list(CONFIG_MAPS)).items, said)


async def _last(store: SqlStore) -> str:
    """The version once nobody writes any more: what a killed process had sent may still be committed."""
    await store.create(config_map("last"))
    return await store.version()


async def test_what_one_says_all_others_hear(postgres_url: str) -> None:
    """Who is there at that moment; too long a word is refused, and so is one where there is nobody else."""
    heard: list[str] = []
    async with SqlStore(postgres_url) as first, SqlStore(postgres_url) as second:
        second.hear = heard.append
        async with asyncio.timeout(WAIT_MAX_S):
            while not heard:  # its listener connects meanwhile
                assert await first.say("Grüße")
                await asyncio.sleep(0.05)
        assert {"Grüße"} == set(heard)
        assert not await first.say("x" * 8000)


async def test_a_process_alone_has_nobody_to_talk_to(sqlite_url: str) -> None:
    async with SqlStore(sqlite_url) as store:
        assert not await store.say("hello")
