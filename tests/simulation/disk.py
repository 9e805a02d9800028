"""A disk that is slow, full or broken when the plan says so, and keeps what was committed over any crash.

The statements are the product's own and run in a real SQLite database in memory; only when they do, and whether, is
the simulation's choice.
"""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

import apsw

from channels.journal.batch import Batch, commit
from channels.journal.schema import migrate
from tests.simulation.plan import DiskFault

if TYPE_CHECKING:
    from tests.simulation.life import Life
    from tests.simulation.simulation import Simulation

T = TypeVar("T")
_SIZE_BYTES: Final = 1 << 41


class Device:
    """The file and its faults: what is the same for all processes."""

    def __init__(self, simulation: "Simulation") -> None:
        self.connection = apsw.Connection(":memory:")
        self.connection.deserialize("main", _empty_file())
        self._simulation = simulation
        self._under_way: tuple[Batch, float] | None = None
        """What is being committed, and since when."""

    def fault(self) -> DiskFault | None:
        """What ails it at this moment."""
        now_s = self._simulation.outside.now_s
        for fault in self._simulation.plan.disk_faults:
            if fault.from_s <= now_s < fault.until_s:
                return fault
        return None

    def delay_s(self) -> float:
        simulation, fault = self._simulation, self.fault()
        slowest_s = fault.delay_s if fault is not None and fault.kind == "slow" else simulation.plan.disk_delay_s
        return slowest_s * (0.2 + 0.8 * simulation.dice.random())

    def error(self, *, is_write: bool) -> apsw.Error | None:
        fault = self.fault()
        if fault is None or fault.kind == "slow":
            return None
        if fault.kind == "full":
            return apsw.FullError("database or disk is full") if is_write else None
        return apsw.IOError("disk I/O error")

    def begin(self, batch: Batch) -> None:
        """A commit is under way from here on."""
        self._under_way = batch, self._simulation.outside.now_s

    def commit(self) -> apsw.Error | None:
        """Carry out what is under way, whole or not at all."""
        assert self._under_way is not None
        (batch, began_s), self._under_way = self._under_way, None
        error = self.error(is_write=True)
        if error is not None:
            return error
        try:
            commit(self.connection, batch)
        except apsw.Error as bug:
            self._simulation.broke(f"the commit's own fault: {bug!r}")
            return bug
        simulation = self._simulation
        simulation.ledger.processes[-1].commits.append((began_s, simulation.outside.now_s))
        return None

    def crash(self) -> None:
        """What was under way has happened or has not; nobody was told."""
        if self._under_way is not None and self._simulation.dice.random() < 0.5:
            error = self.commit()
            self._simulation.tell(f"the last commit {'failed' if error else 'is safe, and nobody knows'}")
        self._under_way = None

    def end_of_process(self) -> None:
        self._under_way = None
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def close(self) -> None:
        self.connection.close()


class SimulatedDisk:
    """Fulfils `channels.journal.disk.Disk` for one process."""

    def __init__(self, simulation: "Simulation", life: "Life") -> None:
        self._simulation = simulation
        self._device = simulation.device
        self._life = life
        self._is_writing = False

    async def open(self, begin: Callable[[apsw.Connection], None]) -> None:
        await self._wait(self._device.delay_s())
        error = self._device.error(is_write=True)
        if error is not None:
            raise error
        with self._device.connection:
            begin(self._device.connection)

    def write(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        simulation, device = self._simulation, self._device
        if not self._life.is_alive:
            return
        if self._is_writing:
            simulation.broke("a second write before the first was done")
        self._is_writing = True
        device.begin(batch)
        simulation.tell("commit begins")
        simulation.count_commit()

        def end() -> None:
            if not self._life.is_alive:
                return
            error = device.commit()
            simulation.tell(f"commit failed: {error}" if error else "committed")
            self._life.hop(lambda: told(error))

        def told(error: Exception | None) -> None:
            self._is_writing = False
            done(error)

        simulation.outside.after(device.delay_s(), end)

    async def read(self, question: Callable[[apsw.Connection], T]) -> T:
        await self._wait(self._device.delay_s())
        error = self._device.error(is_write=False)
        if error is not None:
            raise error
        connection = self._device.connection
        with connection:
            return question(connection)

    def room(self) -> tuple[int, int]:
        fault = self._device.fault()
        return (0 if fault is not None and fault.kind == "full" else _SIZE_BYTES // 2), _SIZE_BYTES

    async def close(self) -> None:
        await self._wait(self._device.delay_s())

    async def _wait(self, wait_s: float) -> None:
        """By the disk's own time: nothing of a dead process wakes up."""
        future = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if self._life.is_alive and not future.done():
                future.set_result(None)

        self._simulation.outside.after(wait_s, wake)
        await future


@cache
def _empty_file() -> bytes:
    connection = apsw.Connection(":memory:")
    migrate(connection)
    image = connection.serialize("main")
    connection.close()
    return image
