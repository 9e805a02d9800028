"""A process that writes into the SQLite file at a URL until it is killed, and tells on stdout what was acknowledged.

Lines are `kept NAME` for an object that stays, and `gone NUMBER` for an owner that was deleted with all that it owned.
"""

import asyncio
import sys

from eventing.resources.identity import key_of
from eventing.store.sql import SqlStore
from eventing.store.witness import config_map, owned_by

WRITERS = 8
OWNED = 3


async def write(store: SqlStore, writer: int, start: int) -> None:
    """Objects that stay, and families that go again, for ever."""
    for number in range(start, sys.maxsize):
        kept = await store.create(config_map(f"kept-{writer}-{number}", number=str(number)))
        print("kept", kept["metadata"]["name"], flush=True)
        owner = await store.create(config_map(f"owner-{writer}-{number}"))
        for child in range(OWNED):
            await store.create(owned_by(owner, name=f"child-{writer}-{number}-{child}"))
        await store.delete(key_of(owner))
        print("gone", f"{writer}-{number}", flush=True)


async def main(url: str, start: int) -> None:
    async with SqlStore(url, changes_max=1_000_000) as store:
        await asyncio.gather(*(write(store, writer, start) for writer in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
