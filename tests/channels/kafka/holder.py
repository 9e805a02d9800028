"""A process that holds what it receives: `python -m tests.channels.kafka.holder SERVERS TOPIC`.

It prints the ids. Once it was stopped and goes on it acks them, and says whether it knew, before anybody could tell it,
that they are another process's; then it ends. Where it is asked to give way it parks what it holds.
"""

import asyncio
import sys
import time

from channels.contract import Delivery, Subscription
from channels.kafka import KafkaCluster
from channels.witness import Watching
from tests.channels.kafka.stage import QUICK, a_channel

STOPPED_S = 1.5
"""Longer than a session, and than a loaded machine keeps a process from running."""


class Yielding(Watching):
    """As a dispatcher does it."""

    def __init__(self, member: Subscription, held: list[Delivery]) -> None:
        super().__init__()
        self._member, self._held = member, held

    def give_way(self) -> None:
        super().give_way()
        self._member.queue("q").park(self._held)


async def main(servers: str, topic: str) -> None:
    async with (
        KafkaCluster(servers, timing=QUICK) as cluster,
        a_channel(cluster, name=topic, partitions=2) as channel,
        channel.subscribe("g", start="earliest") as member,
    ):
        print("joined", flush=True)
        held: list[Delivery] = []
        member.watch(Yielding(member, held))

        async def collect() -> None:
            while True:
                held.extend(await member.receive(10))
                print(*(one.event.id for one in held), flush=True)

        collecting = asyncio.create_task(collect())
        before_s = time.monotonic()
        while time.monotonic() - before_s < STOPPED_S:
            before_s = time.monotonic()
            await asyncio.sleep(0.05)
        collecting.cancel()
        is_lost = not any(member.holds(one) for one in held)
        member.ack(held)
        await channel.state_stored()
        print("lost" if is_lost else "held", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
