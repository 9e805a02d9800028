"""The one writer of a store: what is asked for at the same time is done in one transaction, each for itself.

On a disk that needs milliseconds to be sure, that is the difference between hundreds of writes a second and thousands.
A caller that is cancelled while it waits was either not begun, or is done.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from eventing.errors import StoreUnavailable
from eventing.store.database import Database
from eventing.store.draft import Draft
from eventing.store.lease import Lease
from eventing.store.lease_table import Fences
from eventing.store.row import ChangeRow, Codec
from eventing.store.table import Rows, keep, lock_version

TOGETHER_MAX: Final = 100
"""Calls to a transaction: others wait for it, on PostgreSQL those of other processes, too."""
_CLOSED: Final = "the store is closed"
T = TypeVar("T")
Verb = Callable[[Draft], T]


@dataclass(eq=False, slots=True)
class _Call:
    verb: Verb[Any]
    is_dry: bool
    lease: Lease | None
    answer: "asyncio.Future[Any]"
    outcome: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class Writer:
    """Does verbs, in the order they come."""

    database: Database
    codec: Codec
    changes_max: int
    committed: Callable[[Sequence[ChangeRow]], None]
    """Told what was logged, after each commit and before its callers are."""
    notify: Callable[[Connection], None]
    """Part of each transaction that logs something."""
    _calls: deque[_Call] = field(default_factory=deque)
    _called: asyncio.Event = field(default_factory=asyncio.Event)
    _is_closed: bool = False

    async def do(self, verb: Verb[T], *, dry_run: bool = False, lease: Lease | None = None) -> T:
        """Do that in a transaction, which sees to it that the lease is still the caller's. Raises what it raises,
        LeaseLost and StoreUnavailable.
        """
        if self._is_closed:
            raise StoreUnavailable(_CLOSED)
        call = _Call(verb, dry_run, lease, asyncio.get_running_loop().create_future())
        self._calls.append(call)
        self._called.set()
        answer: T = await call.answer
        return answer

    async def run(self) -> None:
        """For ever. When it is cancelled, what was begun is done first, and the rest refused."""
        try:
            while True:
                await self._called.wait()
                self._called.clear()
                while calls := self._next():
                    await _whole(self._write(calls))
        finally:
            for call in self._calls:
                _answer(call, StoreUnavailable(_CLOSED))
            self._calls.clear()

    def close(self) -> None:
        """Refuse what comes from here on; cancelling `run` does the rest."""
        self._is_closed = True

    def _next(self) -> list[_Call]:
        """Those that wait, and whose callers do."""
        taken = list(islice(self._calls, TOGETHER_MAX))
        for _ in taken:
            self._calls.popleft()
        return [call for call in taken if not call.answer.done()]

    async def _write(self, calls: Sequence[_Call]) -> None:
        try:
            logged = await self.database.write(lambda connection: self._transaction(connection, calls))
        except StoreUnavailable as error:
            for call in calls:
                _answer(call, StoreUnavailable(str(error)), cause=error)
            return
        except Exception as error:  # noqa: BLE001 - it is its caller's alone, who gets it
            # What one of them asked for cannot be kept, such as a text that the database has no letters for. It alone
            # is told so, and the writer goes on.
            await self._write_each(calls, error)
            return
        self.committed(logged)
        for call in calls:
            _answer(call, call.error)

    async def _write_each(self, calls: Sequence[_Call], error: Exception) -> None:
        """Each in a transaction of its own, where there are several; the error is that of a single one."""
        if len(calls) == 1:
            _answer(calls[0], error)
            return
        for call in calls:
            await self._write([call])

    def _transaction(self, connection: Connection, calls: Sequence[_Call]) -> list[ChangeRow]:
        """Draft each call above those before it, then keep all."""
        draft, fences = Draft(Rows(connection, self.codec), lock_version(connection)), Fences(connection)
        for call in calls:
            above = Draft(draft, draft.version)
            try:
                fences.check(call.lease)
                call.outcome, call.error = call.verb(above), None
            except (SQLAlchemyError, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - it is its caller's alone, who gets it
                call.error = error
                continue
            if not call.is_dry:
                draft.take_over(above)
        if not draft.steps:
            return []
        logged = keep(connection, self.codec, draft.steps, draft.version, self.changes_max)
        self.notify(connection)
        return logged


def _answer(call: _Call, error: Exception | None, *, cause: BaseException | None = None) -> None:
    if call.answer.done():
        return
    if error is None:
        call.answer.set_result(call.outcome)
        return
    if cause is not None:
        error.__cause__ = cause
    call.answer.set_exception(error)


async def _whole(work: Any) -> None:
    """Wait for the work to end, though this be cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    finally:
        if not task.done():
            await asyncio.wait([task])
