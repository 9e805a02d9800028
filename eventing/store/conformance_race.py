"""Laws of a store: many at once, through two doors that lead into the same store, which may be the same one."""

import asyncio
from collections.abc import Awaitable
from typing import Final

from eventing.errors import AlreadyExists, Conflict, NotFound
from eventing.resources.identity import Object, key_of
from eventing.store.contract import Change, Changes, Store
from eventing.store.witness import CONFIG_MAPS, PairLaw, config_map, names, next_change, owned_by, version_of


async def racing_writers_lose_no_update(first: Store, second: Store) -> None:
    """Whoever reads, changes and writes with the version it read, and again on Conflict, adds up with all others."""
    await first.create(config_map(count="0"))
    await asyncio.gather(*(_increment(store, 5) for store in (first, second) for _ in range(4)))
    assert (await second.get(key_of(config_map())))["data"] == {"count": "40"}


async def _increment(store: Store, times: int) -> None:
    while times:
        item = await store.get(key_of(config_map()))
        item["data"]["count"] = str(int(item["data"]["count"]) + 1)
        try:
            await store.update(item)
        except Conflict:
            continue
        times -= 1


async def a_name_has_one_winner(first: Store, second: Store) -> None:
    """Of many that create one object at once, one does, and all others are told."""
    tries = [store.create(config_map(who=f"{number}")) for number in range(8) for store in (first, second)]
    written = await asyncio.gather(*tries, return_exceptions=True)
    winners = [item for item in written if isinstance(item, dict)]
    assert len(winners) == 1
    assert [type(item) for item in written if not isinstance(item, dict)] == [AlreadyExists] * 15
    assert await first.get(key_of(config_map())) == await second.get(key_of(config_map())) == winners[0]


async def watchers_miss_and_repeat_nothing(first: Store, second: Store) -> None:
    """Whatever many writers do, each watcher sees every version once, in order, and in the end the state there is."""
    since = await first.version()
    async with first.watch(since=since) as one, second.watch(since=since) as other:
        writers = [_churn(store, f"{name}{number}") for number in range(4) for name, store in _named(first, second)]
        watching = [asyncio.ensure_future(_follow(changes)) for changes in (one, other)]
        await asyncio.gather(*writers)
        await first.create(config_map("end"))
        seen = await asyncio.gather(*watching)
    versions = [version_of(change.item) for change in seen[0]]
    assert versions == list(range(int(since) + 1, int(since) + 1 + len(versions)))
    assert seen[0] == seen[1]
    state: dict[str, Object] = {}
    for change in seen[0]:
        state.pop(change.item["metadata"]["name"], None)
        if change.type != "DELETED":
            state[change.item["metadata"]["name"]] = change.item
    assert sorted(state) == await names(second)
    assert list((await second.list(CONFIG_MAPS)).items) == [state[name] for name in sorted(state)]


def _named(first: Store, second: Store) -> tuple[tuple[str, Store], ...]:
    return ("a", first), ("b", second)


async def _churn(store: Store, name: str) -> None:
    """Create, change and delete, time and again."""
    for number in range(6):
        owner = await store.create(config_map(name))
        await store.create(owned_by(owner, name=f"{name}-owned"))
        await store.update(config_map(name, key=f"{number}"))
        await store.update_status(config_map(name) | {"status": {"number": number}})
        if number < 5:
            await store.delete(key_of(owner))


async def _follow(changes: Changes) -> list[Change]:
    seen = [await next_change(changes)]
    while seen[-1].item["metadata"]["name"] != "end":
        seen.append(await next_change(changes))
    return seen


async def a_list_is_of_one_moment(first: Store, second: Store) -> None:
    """Its version is that of what it shows: a watch from there continues it, while others write."""
    writing = asyncio.ensure_future(asyncio.gather(*(_churn(second, f"x{number}") for number in range(4))))
    while not writing.done():
        await asyncio.sleep(0)
        listing = await first.list(CONFIG_MAPS)
        assert all(version_of(item) <= int(listing.resource_version) for item in listing.items)
        async with first.watch(CONFIG_MAPS, since=listing.resource_version) as changes:
            if await first.version() == listing.resource_version:
                continue
            change = await next_change(changes)
        assert version_of(change.item) == int(listing.resource_version) + 1
        was = {item["metadata"]["name"]: item for item in listing.items}
        assert (change.type == "ADDED") == (change.item["metadata"]["name"] not in was)
    await writing


async def a_cancelled_call_is_all_or_nothing(first: Store, second: Store) -> None:
    """Wherever it is cut, what it makes go goes with it or stays with it; and a later write comes after it."""
    for turns in range(40):
        owner = await first.create(config_map("owner"))
        for number in range(3):
            await first.create(owned_by(owner, name=f"child{number}"))
        await _cut(first.delete(key_of(owner)), turns)
        await first.create(config_map(f"barrier{turns}", "barriers"))
        left = await _names(second)
        assert left in ([], ["child0", "child1", "child2", "owner"])
        if left:
            await first.delete(key_of(owner))
        since = int(await second.version())
        await _cut(first.create(config_map()), turns)
        barrier = await first.create(config_map(f"another{turns}", "barriers"))
        is_there = await _names(second) == ["a"]
        assert version_of(barrier) - since == 1 + is_there
        if is_there:
            await first.delete(key_of(config_map()))


async def _names(store: Store) -> list[str]:
    return [item["metadata"]["name"] for item in (await store.list(CONFIG_MAPS, "default")).items]


async def _cut(call: Awaitable[object], turns: int) -> None:
    """Cancel the call when the loop has gone round so often."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def a_deletion_and_a_creation_race(first: Store, second: Store) -> None:
    """What is created for an owner that goes at the same time does not stay."""
    for number in range(10):
        owner = await first.create(config_map("owner"))
        child = owned_by(owner, name=f"child{number}")
        await asyncio.gather(first.delete(key_of(owner)), second.create(child), return_exceptions=True)
        assert await names(first) == []
        try:
            await second.get(key_of(child))
        except NotFound:
            continue
        raise AssertionError("an orphan stayed")


LAWS: Final[tuple[PairLaw, ...]] = (
    racing_writers_lose_no_update,
    a_name_has_one_winner,
    watchers_miss_and_repeat_nothing,
    a_list_is_of_one_moment,
    a_cancelled_call_is_all_or_nothing,
    a_deletion_and_a_creation_race,
)
