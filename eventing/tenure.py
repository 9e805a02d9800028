"""Does a piece of work while this process holds the lease for it, and only then.

While the store cannot be reached nobody else can get the lease either, so the work goes on; whoever lost it meanwhile
learns that with the first word of the store, and what it writes before that is refused by it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from eventing.errors import LeaseLost, StoreUnavailable
from eventing.store.lease import Lease, Leases

HELD_SHARE: Final = 0.75
RENEWAL_SHARE: Final = 0.25
ASKING_SHARE: Final = 0.15
"""Of the time within which somebody takes over: how long a lease is held, how often it is renewed meanwhile, and how
often others ask for it. Kubernetes' leader election renews a lease of 15 s every 2 s."""
RELEASE_MAX_S: Final = 2.0
"""How long a goodbye waits for the store to let the lease go."""

_log = logging.getLogger(__name__)


class Tenure:
    """Of the lease of that name, for `work`, which runs until it is cancelled and may be begun again.

    Where its holder vanishes, or stands still, another process takes over within `duration_s`.
    """

    def __init__(
        self,
        leases: Leases,
        name: str,
        holder: str,
        *,
        duration_s: float,
        work: Callable[[Lease], Awaitable[None]],
    ) -> None:
        self._leases = leases
        self._name = name
        self._holder = holder
        self._duration_s = duration_s
        self._work = work
        self.is_held = False
        """This process does the work."""

    async def run(self) -> None:
        """Wait for the lease, do the work, and again. Until cancelled; the lease is let go then.

        What the work raises ends it, with the lease let go; LeaseLost has it wait for the lease once more.
        """
        while True:
            lease = await self._wait_for_lease()
            _log.info("%s is this process's work", self._name)
            self.is_held = True
            try:
                await self._hold(lease)
            except LeaseLost:
                _log.info("%s is another process's work", self._name)
            finally:
                self.is_held = False
                await self._release(lease)
            await self._pause()

    async def _wait_for_lease(self) -> Lease:
        while True:
            try:
                lease = await self._acquire()
            except StoreUnavailable as error:
                _log.debug("%s: %s", self._name, error)
                lease = None
            if lease is not None:
                return lease
            await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(self._duration_s * ASKING_SHARE)

    async def _acquire(self) -> Lease | None:
        return await self._leases.acquire(self._name, self._holder, duration_s=self._duration_s * HELD_SHARE)

    async def _hold(self, lease: Lease) -> None:
        """Until the work ends, or the lease is lost. Neither is left running."""
        tasks = [asyncio.ensure_future(self._work(lease)), asyncio.ensure_future(self._renew(lease))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _renew(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(self._duration_s * RENEWAL_SHARE)
            try:
                await self._leases.renew(lease, duration_s=self._duration_s * HELD_SHARE)
            except StoreUnavailable as error:
                _log.debug("%s: %s", self._name, error)

    async def _release(self, lease: Lease) -> None:
        try:
            async with asyncio.timeout(RELEASE_MAX_S):
                await self._leases.release(lease)
        except (StoreUnavailable, TimeoutError) as error:
            _log.debug("%s: %s", self._name, error)
