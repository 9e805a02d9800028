"""The journal as a whole, on a real disk: locks, versions, kills, dropped channels."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from channels.errors import ChannelUnavailable
from channels.journal import DataDirTaken, Journal, NewerJournal, sweeping
from channels.journal.schema import VERSION
from channels.witness import events_of, ids, receive
from tests.channels.journal.stage import FakeDisk, a_journal, drained

PRODUCER = """
import asyncio, sys
from pathlib import Path
from channels.journal import Journal
from channels.witness import an_event

async def main():
    async with Journal(Path(sys.argv[1]), size_max_bytes=2**30) as journal, journal.channel("a/b") as channel:
        async with channel.subscribe("g") as member:
            number = int(sys.argv[2])
            while True:
                batch = [an_event(str(number + more), bytes(500)) for more in range(20)]
                number += len(batch)
                await asyncio.gather(*[channel.publish([event]) for event in batch])
                print("stored", number, flush=True)
                taken = await member.receive(13)
                member.queue("q").park(taken[:3])
                settled = [delivery.event.id for delivery in taken[3:]]
                print("acking", *settled, flush=True)
                member.ack(taken)
                await journal.flush()
                print("acked", *settled, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [3, 40, 400])
async def test_a_killed_process_loses_nothing_it_had_acknowledged(tmp_path: Path, lines: int) -> None:
    """What was stored and not acked comes back, once, from the log or its queue; what was acked does not. Of what was
    being acked at the end either may be true.
    """
    command = [sys.executable, "-c", PRODUCER, str(tmp_path), "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        os.kill(process.pid, signal.SIGKILL)
        told += process.stdout.readlines()
    stored, settled, touched = 1, set[str](), set[str]()
    for line in told:
        verb, *words = line.split()
        if verb == "stored":
            stored = int(words[0])
        else:
            (settled if verb == "acked" else touched).update(words)
    async with (
        Journal(tmp_path, size_max_bytes=2**30) as journal,
        journal.channel("a/b") as channel,
        channel.subscribe("g") as member,
    ):
        found: list[str] = []
        held = channel.statistics().events
        while member.lag:
            found += ids(await member.receive(500))
        while len(found) < held:
            found += ids(await member.queue("q").take(500))
        assert len(set(found)) == len(found)
        assert {str(number) for number in range(1, stored)} - touched <= set(found)
        assert not settled.intersection(found)


async def test_a_second_process_is_refused_and_told_why(tmp_path: Path) -> None:
    """Until the first one closes; the file is small then, and has no log beside it."""
    async with Journal(tmp_path, size_max_bytes=2**30) as journal, journal.channel("a") as channel:
        await channel.publish(events_of(1, 1))
        with pytest.raises(DataDirTaken, match=str(os.getpid())):
            await Journal(tmp_path, size_max_bytes=2**30).__aenter__()
    assert ["journal.db", "lock"] == sorted(path.name for path in tmp_path.iterdir())
    async with Journal(tmp_path, size_max_bytes=2**30):
        pass


async def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    """With words; the lock is free again."""
    async with Journal(tmp_path, size_max_bytes=2**30):
        pass
    connection = apsw.Connection(str(tmp_path / "journal.db"))
    connection.pragma("user_version", VERSION + 1)
    connection.close()
    for _ in range(2):
        with pytest.raises(NewerJournal, match="newer"):
            await Journal(tmp_path, size_max_bytes=2**30).__aenter__()


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    """The driver's error is its cause."""
    (tmp_path / "file").touch()
    with pytest.raises(ChannelUnavailable, match="cannot be opened") as caught:
        await Journal(tmp_path / "file" / "data", size_max_bytes=2**30).__aenter__()
    assert isinstance(caught.value.__cause__, OSError)


async def test_the_write_ahead_log_stays_small(tmp_path: Path) -> None:
    """It is begun anew when it has reached its limit."""
    async with (
        Journal(tmp_path, size_max_bytes=2**30) as journal,
        journal.channel("a") as channel,
        channel.subscribe("g") as member,
    ):
        for _ in range(60):
            await channel.publish(events_of(1, 300))
            member.ack(await receive(member, 300))
        await journal.flush()
        assert (tmp_path / "journal.db-wal").stat().st_size < 8 * 2**20
    assert (tmp_path / "journal.db").stat().st_size < 4 * 2**20


@pytest.mark.looptime
async def test_a_dropped_channel_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was entered in this process or not; one of its name begins anew."""
    monkeypatch.setattr(sweeping, "RUNS_PER_COMMIT", 2)
    disk = FakeDisk()
    async with (
        a_journal(disk) as journal,
        journal.channel("a") as channel,
        journal.channel("b") as other,
        channel.subscribe("g") as member,
        other.subscribe("g"),
    ):
        for number in range(1, 8):
            await channel.publish(events_of(number, number))
        for delivery in await receive(member, 5):
            member.queue("q").park([delivery])
        channel.remember("x", b"y")
        await other.publish(events_of(1, 1))
    async with a_journal(disk) as journal:
        assert ["a", "b"] == journal.names
        journal.drop("a")
        journal.drop("a")
        assert (["b"], 1) == (journal.names, journal.statistics().events)
        await asyncio.sleep(1)
        assert [1, 0, 0, 0, 1] == [disk.rows(table) for table in ("log", "parked", "queue", "remembered", "channel")]
        async with journal.channel("a") as channel, channel.subscribe("g") as member:
            await channel.publish(events_of(9, 9))
            assert (["9"], 1, {}) == (ids(await receive(member, 1)), channel.statistics().stored, channel.remembered)


@pytest.mark.looptime
async def test_a_crash_while_sweeping_leaves_the_rest_to_the_next_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that was cleared is empty, whatever of it is still on disk."""
    monkeypatch.setattr(sweeping, "RUNS_PER_COMMIT", 2)
    disk = FakeDisk()
    async with a_journal(disk) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 9))
        taken = await receive(member, 9)
        member.queue("q").park(taken[:2])
        for delivery in taken[2:]:
            member.queue("q").park([delivery])
        member.ack(taken)
        member.ack(await member.queue("q").take(1))
        await drained(channel)
        image = disk.connection.serialize("main")
        assert (8, 8, 1) == (member.queue("q").clear(), disk.rows("parked"), disk.rows("settled"))
        await drained(channel)
        image = disk.connection.serialize("main")
    crashed = FakeDisk()
    crashed.connection.deserialize("main", image)
    assert 0 < crashed.rows("parked") < 9
    async with a_journal(crashed) as journal, journal.channel("a") as channel, channel.subscribe("g") as member:
        assert ({}, 0) == (dict(member.queues), channel.statistics().events)
        await asyncio.sleep(1)
        assert (0, 0) == (crashed.rows("parked"), crashed.rows("settled"))
