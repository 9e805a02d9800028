"""Does a piece of work while this process holds the lease for it, and only then.

While the store cannot be reached nobody knows whether others reach it. Work whose every act the store may refuse goes
on: whoever lost the lease meanwhile learns that with the first word of the store. Other work ends by this process's own
clock, before the lease may be another's, and begins once the store has answered.
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
often others ask for it, or a holder whose renewal failed. Kubernetes' leader election renews a lease of 15 s every
2 s."""
MARGIN_SHARE: Final = 0.1
"""Of that time: what remains of a lease when work that nobody refuses is told to end, for its end, and for a clock that
is slower than the store's. Kubernetes' leaders leave a third of theirs."""
RELEASE_MAX_S: Final = 2.0
"""How long a goodbye waits for the store to let the lease go."""

_log = logging.getLogger(__name__)


class Tenure:
    """Of the lease of that name, for `work`, which runs until it is cancelled and may be begun again.

    Where its holder vanishes, or stands still, another process takes over within `duration_s`. What `is_fenced` does
    nothing that the store would not refuse.
    """

    def __init__(
        self,
        leases: Leases,
        name: str,
        holder: str,
        *,
        duration_s: float,
        is_fenced: bool,
        work: Callable[[Lease], Awaitable[None]],
    ) -> None:
        self._leases = leases
        self._name = name
        self._holder = holder
        self._duration_s = duration_s
        self._is_fenced = is_fenced
        self._until_s = 0.0
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
        asked_s = self._now_s()
        lease = await self._leases.acquire(self._name, self._holder, duration_s=self._duration_s * HELD_SHARE)
        self._note_held(asked_s)
        return lease

    async def _hold(self, lease: Lease) -> None:
        """Until the work ends, or the lease is lost or may be. Nothing is left running."""
        ways = [self._work(lease), self._renew(lease), *(() if self._is_fenced else (self._expire(),))]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _renew(self, lease: Lease) -> None:
        share = RENEWAL_SHARE
        while True:
            await asyncio.sleep(self._duration_s * share)
            asked_s = self._now_s()
            try:
                await self._leases.renew(lease, duration_s=self._duration_s * HELD_SHARE)
            except StoreUnavailable as error:
                _log.debug("%s: %s", self._name, error)
                share = ASKING_SHARE
            else:
                self._note_held(asked_s)
                share = RENEWAL_SHARE

    async def _expire(self) -> None:
        """Return when so much of the lease has passed that the work has to end."""
        while True:
            left_s = self._until_s - self._now_s()
            if left_s <= 0:
                break
            await asyncio.sleep(left_s)
        _log.warning("%s rests: the lease could not be renewed in time, another process may have it", self._name)

    def _note_held(self, asked_s: float) -> None:
        """The store's time began after the question."""
        self._until_s = asked_s + self._duration_s * (HELD_SHARE - MARGIN_SHARE)

    @staticmethod
    def _now_s() -> float:
        """A clock that nobody sets, and that goes on while this process stands still."""
        return asyncio.get_running_loop().time()

    async def _release(self, lease: Lease) -> None:
        try:
            async with asyncio.timeout(RELEASE_MAX_S):
                await self._leases.release(lease)
        except (StoreUnavailable, TimeoutError) as error:
            _log.debug("%s: %s", self._name, error)
