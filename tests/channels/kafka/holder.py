"""A process that holds what it receives: `python -m tests.channels.kafka.holder SERVERS TOPIC`.

It prints the ids, and once it was stopped and goes on it acks them and says so.
"""

import asyncio
import sys
import time

from channels.contract import Delivery
from channels.kafka import KafkaCluster
from tests.channels.kafka.stage import QUICK, a_channel


async def main(servers: str, topic: str) -> None:
    async with (
        KafkaCluster(servers, timing=QUICK) as cluster,
        a_channel(cluster, name=topic, partitions=2) as channel,
        channel.subscribe("g", start="earliest") as member,
    ):
        print("joined", flush=True)
        held: list[Delivery] = []

        async def collect() -> None:
            while True:
                held.extend(await member.receive(10))
                print(*(one.event.id for one in held), flush=True)

        collecting = asyncio.create_task(collect())
        before_s = time.monotonic()
        while time.monotonic() - before_s < 1.0:
            before_s = time.monotonic()
            await asyncio.sleep(0.05)
        collecting.cancel()
        member.ack(held)
        print("acked", flush=True)
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
