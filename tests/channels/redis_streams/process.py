"""A process that holds events and is stopped: `python -m tests.channels.redis_streams.process URL PREFIX LEASE_S`.

It says `held` once it has three events, and `lost` once it has found out that they are another process's; then it acks
them all the same, and ends.
"""

import asyncio
import sys

from channels.redis_streams import RedisServer
from channels.witness import Watching, receive


async def main(url: str, prefix: str, lease_s: str) -> None:
    async with (
        RedisServer(url, prefix=prefix, lease_s=float(lease_s)) as server,
        server.channel("default/orders", events_max=100, size_max_bytes=2**20) as channel,
        channel.subscribe("g") as member,
    ):
        watcher = Watching()
        member.watch(watcher)
        held = await receive(member, 3)
        print("held", flush=True)
        while not watcher.changes:
            member.ack([one for one in held if not member.holds(one)])
            await asyncio.sleep(0.01)
        member.ack(held)
        print("lost", *[member.holds(one) for one in held], flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
