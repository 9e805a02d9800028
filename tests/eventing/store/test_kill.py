"""What a killed process had acknowledged is there, and nothing is there by half."""

import subprocess
import sys
from collections.abc import Sequence

from eventing.resources.identity import Object
from eventing.store.contract import Store
from eventing.store.sql import SqlStore
from eventing.store.witness import CONFIG_MAPS, next_change, version_of

LINES = (1, 40, 97, 150)
"""After how many acknowledgements the process is killed, life by life."""


def killed(url: str, life: int, lines: int) -> list[str]:
    """The lines of a process that was killed, the last of them whole."""
    command = [sys.executable, "-m", "tests.eventing.store.writing", url, str(life * 1_000_000)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(lines)]
        writer.kill()
        told += [line for line in writer.stdout.readlines() if line.endswith("\n")]
    return [line.strip() for line in told]


async def replayed(store: Store) -> list[Object]:
    """What all changes come to, each seen once and with the next version."""
    state: dict[str, Object] = {}
    async with store.watch(since="0") as changes:
        for number in range(1, int(await store.version()) + 1):
            change = await next_change(changes)
            assert version_of(change.item) == number
            state.pop(change.item["metadata"]["name"], None)
            if change.type != "DELETED":
                state[change.item["metadata"]["name"]] = change.item
    return [state[name] for name in sorted(state)]


def families(items: Sequence[Object]) -> tuple[set[str], set[str]]:
    """The owners there are, and the owners that children name."""
    names = {item["metadata"]["name"].partition("-") for item in items}
    owners = {rest for kind, _, rest in names if kind == "owner"}
    return owners, {rest.rpartition("-")[0] for kind, _, rest in names if kind == "child"}


async def test_nothing_acknowledged_is_lost_and_nothing_half_done(sqlite_url: str) -> None:
    """Over several lives of one file: objects, whole families, and the log that tells of them agree."""
    told: list[str] = []
    for life, lines in enumerate(LINES, start=1):
        told += killed(sqlite_url, life, lines)
        async with SqlStore(sqlite_url, changes_max=1_000_000) as store:
            items = list((await store.list(CONFIG_MAPS)).items)
            assert items == await replayed(store)
        names = {item["metadata"]["name"] for item in items}
        assert set() == {line.removeprefix("kept ") for line in told if line.startswith("kept")} - names
        owners, parents = families(items)
        assert set() == parents - owners
        assert set() == owners & {line.removeprefix("gone ") for line in told if line.startswith("gone")}
