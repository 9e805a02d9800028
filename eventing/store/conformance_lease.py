"""Laws of leases, through two doors that lead into the same store, which may be the same one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from eventing.errors import LeaseLost, NotFound
from eventing.resources.identity import key_of
from eventing.store.lease import Lease, Leases, LeasingStore
from eventing.store.witness import config_map, names, raises

LeaseLaw = Callable[[LeasingStore, LeasingStore], Awaitable[None]]
"""Of two doors to one fresh, empty store: raises AssertionError where it breaks the law."""
LONG_S: Final = 600.0
SHORT_S: Final = 0.2
WAIT_MAX_S: Final = 20.0


async def a_lease_has_one_holder(first: LeasingStore, second: LeasingStore) -> None:
    """Of many that ask at once one gets it, and all others nothing, until its time is over."""
    asked = [store.leases.acquire("l", f"h{n}", duration_s=LONG_S) for n in range(4) for store in (first, second)]
    # Two of each name ask: the later of two is the same holder, which begins anew.
    found = [lease for lease in await asyncio.gather(*asked) if lease is not None]
    assert len({lease.holder for lease in found}) == 1
    assert await second.leases.acquire("other", "h", duration_s=LONG_S) is not None, "each name is a lease of its own"


async def tokens_grow_with_every_holding(first: LeasingStore, second: LeasingStore) -> None:
    """Whoever holds it next, the same one among them, has a larger one."""
    tokens = []
    for number in range(5):
        store = (first, second)[number % 2]
        lease = await acquired(store.leases, f"h{number // 2}")
        tokens.append(lease.token)
        await store.leases.release(lease)
    assert tokens == sorted(set(tokens))


async def time_that_is_over_is_another_ones(first: LeasingStore, second: LeasingStore) -> None:
    """Not before it is over; who had it finds that out when it renews, and letting go of it takes it from nobody."""
    lease = await acquired(first.leases, "a", duration_s=SHORT_S)
    taken = await _wait_for(second.leases, "b")
    assert taken.token > lease.token
    await raises(LeaseLost, first.leases.renew(lease, duration_s=LONG_S))
    await first.leases.release(lease)
    await second.leases.renew(taken, duration_s=LONG_S)


async def renewing_keeps_it(first: LeasingStore, second: LeasingStore) -> None:
    """Also late, where nobody took it meanwhile. The token stays."""
    lease = await acquired(first.leases, "a", duration_s=0.0)
    await first.leases.renew(lease, duration_s=LONG_S)
    assert await second.leases.acquire("l", "b", duration_s=LONG_S) is None
    await first.under(lease).create(config_map())


async def what_is_released_is_free_at_once(first: LeasingStore, second: LeasingStore) -> None:
    """And its old holder has nothing more."""
    lease = await acquired(first.leases, "a")
    await first.leases.release(lease)
    await raises(LeaseLost, first.leases.renew(lease, duration_s=LONG_S))
    await raises(LeaseLost, first.under(lease).create(config_map()))
    assert await second.leases.acquire("l", "b", duration_s=LONG_S) is not None


async def who_lost_it_writes_nothing(first: LeasingStore, second: LeasingStore) -> None:
    """Every verb is refused, whatever the holder believes; who holds it, and who needs none, may write."""
    item = await first.create(config_map())
    lost = first.under(await acquired(first.leases, "a", duration_s=0.0))
    held = second.under(await acquired(second.leases, "b"))
    before = await second.version()
    told = item | {"status": {"by": "a"}}
    for attempt in (
        lost.create(config_map("b")),
        lost.update(config_map(by="a")),
        lost.update_status(told),
        lost.update_statuses([told]),
        lost.delete(key_of(item)),
    ):
        await raises(LeaseLost, attempt)
    assert await second.version() == before
    await held.update_status(item | {"status": {"by": "b"}})
    await first.update(config_map(by="nobody"))
    assert (await lost.get(key_of(item)))["status"] == {"by": "b"}, "reading needs no lease"
    await raises(NotFound, first.get(key_of(config_map("b"))))


async def a_refused_writer_takes_nobody_along(first: LeasingStore, second: LeasingStore) -> None:
    """Those that write at the same time are done."""
    lost = first.under(await acquired(first.leases, "a", duration_s=0.0))
    await acquired(second.leases, "b")
    doing = (lost.create(config_map("x")), first.create(config_map("y")), lost.create(config_map("z")))
    ended = await asyncio.gather(*doing, return_exceptions=True)
    assert [isinstance(one, LeaseLost) for one in ended] == [True, False, True]
    assert await names(second) == ["y"]


async def acquired(leases: Leases, holder: str, *, duration_s: float = LONG_S) -> Lease:
    """The lease `l`, which is free."""
    lease = await leases.acquire("l", holder, duration_s=duration_s)
    assert lease is not None
    return lease


async def _wait_for(leases: Leases, holder: str) -> Lease:
    """The lease `l`, once it is free."""
    async with asyncio.timeout(WAIT_MAX_S):
        while (lease := await leases.acquire("l", holder, duration_s=LONG_S)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return lease


LAWS: Final[tuple[LeaseLaw, ...]] = (
    a_lease_has_one_holder,
    tokens_grow_with_every_holding,
    time_that_is_over_is_another_ones,
    renewing_keeps_it,
    what_is_released_is_free_at_once,
    who_lost_it_writes_nothing,
    a_refused_writer_takes_nobody_along,
)
