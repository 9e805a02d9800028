"""Leases of one name, on the event loop's time, in a store that may be away."""

import asyncio
from dataclasses import dataclass, field

from eventing.errors import LeaseLost, StoreUnavailable
from eventing.store.lease import Lease


@dataclass
class Leases:
    """Of the loop's time."""

    holder: str = ""
    token: int = 0
    until_s: float = 0.0
    is_away: bool = False
    released: list[str] = field(default_factory=list)

    async def acquire(self, name: str, holder: str, *, duration_s: float) -> Lease | None:
        self._ask()
        now_s = asyncio.get_running_loop().time()
        if self.holder and now_s < self.until_s:
            return None
        self.holder, self.token, self.until_s = holder, self.token + 1, now_s + duration_s
        return Lease(name, holder, self.token)

    async def renew(self, lease: Lease, *, duration_s: float) -> None:
        self._ask()
        if (self.holder, self.token) != (lease.holder, lease.token):
            raise LeaseLost("another's")
        self.until_s = asyncio.get_running_loop().time() + duration_s

    async def release(self, lease: Lease) -> None:
        self._ask()
        self.released.append(lease.holder)
        if (self.holder, self.token) == (lease.holder, lease.token):
            self.holder = ""

    def _ask(self) -> None:
        if self.is_away:
            raise StoreUnavailable("no route to it")
