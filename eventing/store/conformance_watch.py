"""Laws of a store: a watch shows every change, in order and once."""

import asyncio
from typing import Final

from eventing.errors import Expired
from eventing.resources.identity import key_of
from eventing.store.contract import Store
from eventing.store.witness import CHANGE_TIMEOUT_S, CONFIG_MAPS, Law, config_map, next_change, version_of


async def a_watch_continues_a_list(store: Store) -> None:
    """What happens after a list's version is seen once, in order, with the object as it was after each change."""
    await store.create(config_map("before"))
    listing = await store.list(CONFIG_MAPS)
    created = await store.create(config_map(key="1"))
    updated = await store.update(config_map(key="2"))
    status = await store.update_status(config_map() | {"status": {"x": 1}})
    await store.delete(key_of(created))
    async with store.watch(CONFIG_MAPS, since=listing.resource_version) as changes:
        seen = [await next_change(changes) for _ in range(4)]
    assert [change.type for change in seen] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    assert [change.item for change in seen[:3]] == [created, updated, status]
    assert seen[3].item["status"] == {"x": 1}
    versions = [version_of(change.item) for change in seen]
    assert versions == sorted(set(versions))


async def a_watch_waits_for_the_future(store: Store) -> None:
    """Without a version a watch begins at its entry, wakes for what comes, and shows its kind and namespace alone."""
    await store.create(config_map("before"))
    async with store.watch(CONFIG_MAPS, namespace="default") as changes, store.watch() as everything:
        waiting = asyncio.ensure_future(next_change(changes))
        await asyncio.sleep(0)  # it waits from here on
        await store.create(config_map("elsewhere", "other"))
        await store.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}})
        wanted = await store.create(config_map("wanted"))
        assert (await waiting).item == wanted
        kinds = [(await next_change(everything)).item["kind"] for _ in range(3)]
    assert kinds == ["ConfigMap", "Secret", "ConfigMap"]


async def a_cancelled_reader_loses_nothing(store: Store) -> None:
    """Giving up waiting for a change is no end of the watch."""
    async with store.watch(CONFIG_MAPS) as changes:
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        created = await store.create(config_map())
        assert (await next_change(changes)).item == created


async def watchers_hold_copies(store: Store) -> None:
    """A watcher that changes what it was shown changes it for nobody else."""
    async with store.watch() as first, store.watch() as second:
        created = await store.create(config_map(key="1"))
        (await next_change(first)).item["data"]["key"] = "changed"
        assert (await next_change(second)).item == created
    assert await store.get(key_of(created)) == created


async def a_version_of_another_store_is_expired(store: Store) -> None:
    """A watch from a version that this store has not reached cannot go on from it."""
    created = await store.create(config_map())
    with_future = str(version_of(created) + 1_000_000)
    try:
        async with store.watch(since=with_future):
            pass
    except Expired:
        return
    raise AssertionError("the watch began")


async def a_watch_says_how_far_it_has_seen(store: Store) -> None:
    """Its version is the last change's that it showed, or passed over; at first where it began."""
    created = await store.create(config_map())
    async with store.watch(CONFIG_MAPS, namespace="default", since="0") as changes:
        assert changes.resource_version == "0"
        await next_change(changes)
        assert changes.resource_version == created["metadata"]["resourceVersion"]
        waiting = asyncio.ensure_future(anext(changes))
        elsewhere = await store.create(config_map("elsewhere", "other"))
        async with asyncio.timeout(CHANGE_TIMEOUT_S):
            while changes.resource_version != elsewhere["metadata"]["resourceVersion"]:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with store.watch() as changes:
        assert changes.resource_version == await store.version()


async def a_watch_from_the_start_sees_everything(store: Store) -> None:
    """As long as no change was forgotten, version 0 is a version to begin at."""
    written = [await store.create(config_map(f"m{number:03}")) for number in range(300)]
    written += [await store.update(config_map(f"m{number:03}", key="1")) for number in range(0, 300, 3)]
    async with store.watch(since="0") as changes:
        seen = [(await next_change(changes)).item for _ in written]
    assert seen == written


async def watches_see_alike(store: Store) -> None:
    """One that was there from the start, one that joins in the middle and one that comes late."""
    async with store.watch() as first:
        for number in range(20):
            await store.create(config_map(f"a{number}"))
        middle = await store.version()
        async with store.watch(since=middle) as second:
            for number in range(20):
                await store.create(config_map(f"b{number}"))
            seen = [[await next_change(watch) for _ in range(20)] for watch in (first, first, second)]
        async with store.watch(since=middle) as third:
            assert [await next_change(third) for _ in range(20)] == seen[2]
    assert seen[1] == seen[2]


async def what_is_no_version_is_refused(store: Store) -> None:
    """Versions are this store's numbers; another word is of another store."""
    for since in ("", "x", "-1", "1.5", "9" * 40):
        try:
            async with store.watch(since=since):
                pass
        except Expired:
            continue
        raise AssertionError(f"the watch began at {since!r}")


LAWS: Final[tuple[Law, ...]] = (
    a_watch_continues_a_list,
    a_watch_waits_for_the_future,
    a_cancelled_reader_loses_nothing,
    watchers_hold_copies,
    a_version_of_another_store_is_expired,
    a_watch_says_how_far_it_has_seen,
    a_watch_from_the_start_sees_everything,
    watches_see_alike,
    what_is_no_version_is_refused,
)
