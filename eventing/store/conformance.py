"""The laws of a store, one function each: every implementation obeys all of them.

`LAWS` take a fresh, empty store; `BOUNDED_LAWS` one that keeps `CHANGES_MAX` changes; `RACE_LAWS` two doors to one
store, and `LEASE_LAWS` two to one that has leases. They raise AssertionError where the store breaks them. A change that
is due must arrive within `witness.CHANGE_TIMEOUT_S`.
"""

from typing import Final

from eventing.store import (
    conformance_delete,
    conformance_lease,
    conformance_page,
    conformance_race,
    conformance_watch,
    conformance_write,
)
from eventing.store.witness import Law, PairLaw

LAWS: Final[tuple[Law, ...]] = (
    *conformance_write.LAWS,
    *conformance_delete.LAWS,
    *conformance_watch.LAWS,
    *conformance_page.LAWS,
)
CHANGES_MAX: Final = conformance_page.CHANGES_MAX
BOUNDED_LAWS: Final[tuple[Law, ...]] = conformance_page.BOUNDED_LAWS
RACE_LAWS: Final[tuple[PairLaw, ...]] = conformance_race.LAWS
LEASE_LAWS: Final[tuple[conformance_lease.LeaseLaw, ...]] = conformance_lease.LAWS
