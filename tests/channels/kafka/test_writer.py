"""What is appended to a topic, in order, whatever the cluster says to it."""

import asyncio
from collections.abc import Sequence

from aiokafka.errors import MessageSizeTooLargeError

from channels.errors import ChannelUnavailable
from channels.kafka.errors import translated
from channels.kafka.link import Link
from channels.kafka.producing import Appended, Record
from channels.kafka.writer import BATCH_BYTES, Put, Writer
from channels.witness import WAIT_MAX_S, comes


class Log(Link):
    """One partition in memory, which takes values of three bytes at most, and at times none."""

    def __init__(self) -> None:
        super().__init__("nowhere", {}, timeout_s=1.0)
        self.values: list[bytes] = []
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def produce(self, topic: str, partition: int, records: Sequence[Record]) -> Appended:
        await self.is_open.wait()
        await asyncio.sleep(0)
        values = [one.value or b"" for one in records]
        if max(map(len, values)) > 3:
            raise translated(MessageSizeTooLargeError())
        self.values += values
        return Appended(len(self.values) - len(values), b"")


class Told:
    """What became of loads, by their values."""

    def __init__(self) -> None:
        self.stored: dict[bytes, int] = {}
        self.failed: list[bytes] = []

    def put(self, value: bytes, instead: Put | None = None) -> Put:
        """A load that tells."""
        return Put(
            (Record(None, value, []),),
            BATCH_BYTES // 2,
            lambda offset: self.stored.update({value: offset}),
            lambda _: self.failed.append(value),
            None if instead is None else lambda: instead,
        )


async def test_what_is_too_large_fails_alone() -> None:
    """Those in one batch with it are stored, in order; what is put behind it comes behind them."""
    log, told = Log(), Told()
    writer: Writer[Put] = Writer(log, "t", is_owed=True)
    for value in (b"a", b"large", b"b", b"c"):
        writer.put(0, told.put(value))
    await writer.flush()
    assert ([b"a", b"b", b"c"], {b"a": 0, b"b": 1, b"c": 2}, [b"large"]) == (log.values, told.stored, told.failed)
    assert writer.fault is None


async def test_what_is_to_be_stored_instead_of_something_large_takes_its_place() -> None:
    """Alone in its batch, or with others; and it may be too large as well."""
    log, told = Log(), Told()
    writer: Writer[Put] = Writer(log, "t", is_owed=True)
    writer.put(0, told.put(b"large", told.put(b"a")))
    await writer.flush()
    writer.put(0, told.put(b"large", told.put(b"b")))
    writer.put(0, told.put(b"c"))
    writer.put(0, told.put(b"large", told.put(b"larger", told.put(b"d"))))
    writer.put(0, told.put(b"e"))
    await writer.flush()
    assert ([b"a", b"b", b"c", b"d", b"e"], []) == (log.values, told.failed)


async def test_who_waits_waits_for_what_was_put_before() -> None:
    """Not for what others put meanwhile: else it might wait for ever."""
    log, told = Log(), Told()
    writer: Writer[Put] = Writer(log, "t", is_owed=True)
    log.is_open.clear()
    writer.put(0, told.put(b"a"))
    waiting = asyncio.ensure_future(writer.flush())
    await comes(1, lambda: writer.busy)
    for _ in range(3):
        writer.put(0, told.put(b"b"))
    log.is_open.set()
    async with asyncio.timeout(WAIT_MAX_S):
        while not waiting.done():
            writer.put(0, told.put(b"c"))
            await asyncio.sleep(0)
    assert log.values[0] == b"a"
    assert writer.busy == 1
    await writer.close()


async def test_the_end_is_told_to_all() -> None:
    """To what is on its way, to what is behind it, and to who waits."""
    log, told = Log(), Told()
    writer: Writer[Put] = Writer(log, "t", is_owed=True)
    log.is_open.clear()
    for value in (b"a", b"b", b"c"):
        writer.put(0, told.put(value))
    waiting = asyncio.ensure_future(writer.flush())
    await asyncio.sleep(0)
    await writer.close()
    await waiting
    assert ([b"a", b"b", b"c"], {}) == (told.failed, told.stored)
    writer.put(0, told.put(b"d"))
    log.is_open.set()
    await writer.flush()
    assert [b"d"] == log.values


async def test_what_is_not_owed_fails_with_the_cluster() -> None:
    """And whoever asks is told why."""

    class Away(Log):
        async def produce(self, topic: str, partition: int, records: Sequence[Record]) -> Appended:
            raise ChannelUnavailable("away")

    told = Told()
    writer: Writer[Put] = Writer(Away(), "t", is_owed=False)
    writer.put(0, told.put(b"a"))
    await writer.flush()
    assert ([b"a"], "away", True) == (told.failed, writer.fault, writer.is_failing)
