"""A million events that wait, each in a run of its own, cost little memory and little work to open."""

import subprocess
import sys
from pathlib import Path

import apsw

from channels.frame import encode
from channels.journal.disk import prepare
from channels.journal.row import parked_row
from channels.journal.schema import POSITION_BITS
from channels.journal.state import ChannelState, GroupState, QueueState, pack, queue_row
from channels.witness import an_event

MILLION = 1_000_000
RSS_MAX_KIB = 50 * 1024
OPEN_MAX_S = 1.0
"""Of CPU: what it costs, whatever else the machine does."""

PROGRAM = """
import asyncio, resource, sys, time
from pathlib import Path
from channels.journal import Journal

def rss_kib():
    return int(open("/proc/self/statm").read().split()[1]) * 4

async def main():
    before, began = rss_kib(), time.process_time()
    async with Journal(Path(sys.argv[1]), size_max_bytes=2**40) as journal, journal.channel("a/b") as channel:
        async with channel.subscribe("g") as member:
            opened_s = time.process_time() - began
            queue = member.queue("q")
            assert (1_000_000, 1_000_000) == (member.lag, queue.events)
            for _ in range(5):
                member.ack(await member.receive(1000))
                member.ack(await queue.take(1000))
            await journal.flush()
            assert 2_000_000 - 5_000 > channel.statistics().events
            print(opened_s, rss_kib() - before)

asyncio.run(main())
"""


def test_a_million_waiting_and_a_million_parked_runs_are_cheap(tmp_path: Path) -> None:
    """RSS grows by 50 MiB at most, opening takes a second at most; both are read and settled then."""
    event = an_event("1")
    body = encode(0, 1, event.size, event)
    connection = apsw.Connection(str(tmp_path / "journal.db"))
    prepare(connection)
    connection.pragma("synchronous", "off")
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    with connection:
        state = ChannelState(
            "a/b",
            position=MILLION, stored=MILLION, events=MILLION, size_bytes=MILLION * event.size,
            parked_events=MILLION, parked_size_bytes=MILLION * event.size, log_size_bytes=MILLION * event.size,
            groups=[GroupState(1, "g", 0, MILLION)],
        )  # fmt: skip
        connection.execute("INSERT INTO channel VALUES (1, ?, ?)", (pack(state), pack(state)))
        connection.execute(
            "INSERT INTO queue VALUES (?, ?, ?, ?, ?)", queue_row(QueueState(2, 1, "q", is_ordered=False))
        )
        log = f"{numbers} INSERT INTO log SELECT ? + i, 0, 1, ?, ? FROM n"
        connection.execute(log, (MILLION, 1 << POSITION_BITS, event.size, body))
        parked = (parked_row(i + 2, 2, i, i, 0, 1, event.size, b"", body) for i in range(1, MILLION + 1))
        connection.executemany(f"INSERT INTO parked VALUES ({', '.join('?' * 10)})", parked)
    connection.close()
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "" == ended.stderr
    opened_s, rss_kib = map(float, ended.stdout.split())
    assert rss_kib <= RSS_MAX_KIB
    assert opened_s <= OPEN_MAX_S
