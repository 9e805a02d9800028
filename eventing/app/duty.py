"""What one of several processes does for all: it holds a lease while it does."""

import asyncio
import os
import socket
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from dispatcher.redrive import Redriver
from eventing.app.resource_side import ResourceSide
from eventing.errors import StoreUnavailable
from eventing.pen import Pen
from eventing.reconcilers.controller import Controller
from eventing.settings import Settings
from eventing.source_keeper import SourceKeeper
from eventing.store.lease import Lease
from eventing.store.sql import SqlStore
from eventing.tenure import HELD_SHARE, Tenure

STORE_WAIT_S: Final = 1.0
DROP_LOOK_S: Final = 0.5
TAKEOVERS_MAX: Final = 2
"""How many lengths of a lease a standby waits for the pen, to drop what was deleted."""


def holder_name(settings: Settings) -> str:
    """Whose a lease is: this process's alone, for whoever looks at the table."""
    return f"{settings.process_name or 'eventing'}@{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """Of this process, by that name, in leases of that length."""

    resources: ResourceSide
    holder: str
    duration_s: float

    def rule(self, pen: Pen, controller: Controller) -> Callable[[], Awaitable[None]]:
        """Write statuses, and what belongs to them."""
        duration_s = self.duration_s * HELD_SHARE
        work = partial(_rule, self.resources.store, pen, controller, duration_s)
        return self._tenure("controller", work, is_fenced=True)

    def redrive(self, redriver: Redriver) -> Callable[[], Awaitable[None]]:
        """Deliver dead letters once more. No sink refuses what a process sends that lost its lease."""
        return self._tenure("redriver", lambda _: redriver.run(), is_fenced=False)

    async def may_drop(self, pen: Pen, *, is_controller: bool) -> bool:
        """Whether this process drops what a Broker left that was deleted: who has the pen does. A standby waits for as
        long as a takeover may take, since who had it may have gone in this moment.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + (TAKEOVERS_MAX * self.duration_s if is_controller else 0.0)
        while pen.store is not None or loop.time() < until_s:
            with suppress(StoreUnavailable):
                if await pen.is_held():
                    return True
            await asyncio.sleep(DROP_LOOK_S)
        return False

    def keep_sources(self) -> SourceKeeper:
        """Each source is a duty of its own. There is no adapter yet that could run one."""
        return SourceKeeper(self.resources.store.leases, self.holder, duration_s=self.duration_s, adapters={})

    def _tenure(
        self, name: str, work: Callable[[Lease], Awaitable[None]], *, is_fenced: bool
    ) -> Callable[[], Awaitable[None]]:
        leases, duration_s = self.resources.store.leases, self.duration_s
        return Tenure(leases, name, self.holder, duration_s=duration_s, is_fenced=is_fenced, work=work).run


async def _rule(store: SqlStore, pen: Pen, controller: Controller, duration_s: float, lease: Lease) -> None:
    """What was only looked at until then is looked at once more, and written."""
    pen.give(store.under(lease), lambda: store.leases.renew(lease, duration_s=duration_s))
    try:
        while True:
            try:
                await controller.reconcile()
                break
            except StoreUnavailable:
                await asyncio.sleep(STORE_WAIT_S)
        await asyncio.Event().wait()
    finally:
        pen.drop()
