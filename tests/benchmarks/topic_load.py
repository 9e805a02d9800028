"""Events straight into a Broker's topic, as any Kafka producer writes them: binary CloudEvents of 1 KB, acks=all.

Prints one line of JSON. `python -m tests.benchmarks.topic_load SERVERS TOPIC PARTITIONS DURATION_S EVENT_TYPE`.
"""

import asyncio
import json
import sys
import time
from typing import Final

from aiokafka import AIOKafkaProducer

_BATCH_EVENTS: Final = 200
_DATA: Final = b'{"note":"' + b"x" * (1024 - 11) + b'"}'


async def write(bootstrap_servers: str, topic: str, *, partitions: int, duration_s: float, event_type: str) -> int:
    """Write for so long, each partition in its turn, and return how many events were acknowledged."""
    head = [
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/shop/orders"),
        ("ce_type", event_type.encode()),
        ("ce_time", b"2026-01-01T00:00:00Z"),
        ("ce_tenant", b"acme"),
        ("content-type", b"application/json"),
    ]
    prefix = f"{time.time_ns():016x}"  # no two runs share an id
    written = 0
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", max_batch_size=2**20) as producer:
        end_s = time.monotonic() + duration_s
        while time.monotonic() < end_s:
            partition = written // _BATCH_EVENTS % partitions
            batch = producer.create_batch()
            for number in range(written, written + _BATCH_EVENTS):
                headers = [*head, ("ce_id", f"{prefix}-{number:010}".encode())]
                batch.append(timestamp=None, key=None, value=_DATA, headers=headers)
            batch.close()
            await (await producer.send_batch(batch, topic, partition=partition))
            written += _BATCH_EVENTS
    return written


if __name__ == "__main__":
    servers, topic, partitions, duration_s, kind = sys.argv[1:]
    written = asyncio.run(
        write(servers, topic, partitions=int(partitions), duration_s=float(duration_s), event_type=kind)
    )
    print(json.dumps({"events": written}))
