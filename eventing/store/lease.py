"""Leases: of several processes one holds what only one may do, for a time; then, or earlier, another may.

Time is the store's clock alone. A holder that stood still past its time does not know it; so every write as a holder
bears the lease's token, and the store refuses it in the same transaction where another one held the lease since.
Source: the fencing tokens of Google's Chubby (its sequencers), and Kubernetes' coordination/v1 Lease.
"""

from dataclasses import dataclass
from typing import Protocol

from eventing.store.contract import Store


@dataclass(frozen=True, slots=True)
class Lease:
    """Held by that holder since it got this token. Tokens of one name grow with every holding."""

    name: str
    holder: str
    token: int


class Leases(Protocol):
    """Those of one store. Any verb raises StoreUnavailable while it cannot be reached: it may have been done then."""

    async def acquire(self, name: str, holder: str, *, duration_s: float) -> Lease | None:
        """Hold it for so long from now on; None while another holder's time runs. A holder that has it begins anew: its
        older token is worth nothing more.
        """

    async def renew(self, lease: Lease, *, duration_s: float) -> None:
        """Hold it for so long from now on. Late is in time where nobody took it. Raises LeaseLost where somebody did,
        or where it was released.
        """

    async def release(self, lease: Lease) -> None:
        """Let others have it at once. One that is lost stays as it is."""


class LeasingStore(Store, Protocol):
    """A store that several processes use."""

    @property
    def leases(self) -> Leases:
        """Its own."""

    def under(self, lease: Lease) -> Store:
        """The same store, for who holds this lease: once it is lost, every verb that writes raises LeaseLost, and has
        written nothing.
        """
