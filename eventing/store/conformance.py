"""The laws of a store, one function each: `LAWS` run against every implementation.

A law takes a fresh, empty store. It raises AssertionError where the store breaks it. A change that is due must arrive
within `CHANGE_TIMEOUT_S`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from eventing.errors import AlreadyExists, Conflict, Expired, InvalidResource, NotFound
from eventing.resources.identity import GroupKind, Object, key_of
from eventing.store.contract import Change, Store

CHANGE_TIMEOUT_S: Final = 10.0
_CONFIG_MAPS: Final = GroupKind("", "ConfigMap")
Law = Callable[[Store], Awaitable[None]]


def config_map(name: str = "a", namespace: str = "default", **data: str) -> Object:
    """A small object to store."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def owned_by(*owners: Object, name: str) -> Object:
    """A small object with these owners."""
    item = config_map(name)
    item["metadata"]["ownerReferences"] = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
        }
        for owner in owners
    ]
    return item


async def what_is_created_is_read(store: Store) -> None:
    """A created object is returned by create, get and list alike, with the books begun."""
    created = await store.create(config_map(key="value"))
    metadata = created["metadata"]
    assert created["data"] == {"key": "value"}
    assert metadata["generation"] == 1
    assert metadata["uid"]
    assert metadata["creationTimestamp"]
    assert await store.get(key_of(created)) == created
    listing = await store.list(_CONFIG_MAPS)
    assert listing.items == (created,)
    assert listing.resource_version == metadata["resourceVersion"]


async def creation_takes_no_books_from_the_caller(store: Store) -> None:
    """Status, uid, version and generation of a new object are the store's."""
    item = config_map()
    item["status"] = {"phase": "x"}
    item["metadata"] |= {
        "uid": "mine",
        "resourceVersion": "99",
        "generation": 7,
        "deletionTimestamp": "2020-01-01T00:00:00Z",
    }
    created = await store.create(item)
    assert "status" not in created
    assert "deletionTimestamp" not in created["metadata"]
    assert created["metadata"]["generation"] == 1
    assert created["metadata"]["uid"] != "mine"


async def a_name_is_taken_once(store: Store) -> None:
    """Creating what is there raises AlreadyExists; the same name in another namespace is another object."""
    first = await store.create(config_map(key="first"))
    await _raises(AlreadyExists, store.create(config_map(key="second")))
    await store.create(config_map(namespace="other"))
    assert await store.get(key_of(first)) == first


async def what_is_absent_is_not_found(store: Store) -> None:
    """Every verb that needs an object raises NotFound without it."""
    item = config_map()
    await _raises(NotFound, store.get(key_of(item)))
    await _raises(NotFound, store.update(item))
    await _raises(NotFound, store.update_status(item))
    await _raises(NotFound, store.delete(key_of(item)))


async def a_list_is_of_a_kind_and_namespace(store: Store) -> None:
    """A list holds the kind's objects, by namespace and name, or those of one namespace."""
    for namespace, name in (("b", "x"), ("a", "y"), ("a", "x")):
        await store.create(config_map(name, namespace))
    await store.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "a"}})
    everywhere = (await store.list(_CONFIG_MAPS)).items
    assert [str(key_of(item)) for item in everywhere] == ["ConfigMap a/x", "ConfigMap a/y", "ConfigMap b/x"]
    assert [str(key_of(item)) for item in (await store.list(_CONFIG_MAPS, "b")).items] == ["ConfigMap b/x"]


async def an_update_counts_its_generation(store: Store) -> None:
    """Content changes raise generation and version; metadata raises the version; nothing raises nothing."""
    created = await store.create(config_map(key="1"))
    same = await store.update(config_map(key="1"))
    assert same == created
    changed = await store.update(config_map(key="2"))
    assert changed["metadata"]["generation"] == 2
    assert _version(changed) > _version(created)
    labelled = config_map(key="2")
    labelled["metadata"]["labels"] = {"a": "b"}
    stored = await store.update(labelled)
    assert stored["metadata"]["generation"] == 2
    assert _version(stored) > _version(changed)
    assert stored["metadata"]["uid"] == created["metadata"]["uid"]
    assert stored["metadata"]["creationTimestamp"] == created["metadata"]["creationTimestamp"]


async def status_is_written_by_its_own_verb(store: Store) -> None:
    """An update keeps the stored status; `update_status` keeps all the rest, the generation too."""
    await store.create(config_map(key="1"))
    written = await store.update_status(config_map(key="ignored") | {"status": {"ready": True}})
    assert written["data"] == {"key": "1"}
    assert written["status"] == {"ready": True}
    assert written["metadata"]["generation"] == 1
    updated = await store.update(config_map(key="2") | {"status": {"ready": False}})
    assert updated["status"] == {"ready": True}
    again = await store.update_status(config_map() | {"status": {"ready": True}})
    assert again == updated
    cleared = await store.update_status(config_map())
    assert "status" not in cleared


async def a_stale_writer_conflicts(store: Store) -> None:
    """Writing from an old version or for another uid raises Conflict and changes nothing."""
    stale = await store.create(config_map(key="1"))
    fresh = await store.update(config_map(key="2"))
    await _raises(Conflict, store.update(stale))
    await _raises(Conflict, store.update_status(stale))
    other = config_map(key="3")
    other["metadata"]["uid"] = "another"
    await _raises(Conflict, store.update(other))
    await _raises(Conflict, store.delete(key_of(other), uid="another"))
    assert await store.get(key_of(stale)) == fresh
    await store.update(fresh)


async def callers_hold_copies(store: Store) -> None:
    """Changing what went in or came out changes nothing in the store."""
    item = config_map(key="1")
    created = await store.create(item)
    key = key_of(created)
    item["data"]["key"] = created["data"]["key"] = (await store.get(key))["data"]["key"] = "changed"
    (await store.list(_CONFIG_MAPS)).items[0]["data"]["key"] = "changed"
    assert (await store.get(key))["data"] == {"key": "1"}


async def finalizers_hold_an_object(store: Store) -> None:
    """Deleting marks it, once; no finalizer can join; the last one that leaves removes it."""
    item = config_map()
    item["metadata"]["finalizers"] = ["a", "b"]
    key = key_of(await store.create(item))
    await store.delete(key)
    marked = await store.get(key)
    assert marked["metadata"]["deletionTimestamp"]
    await store.delete(key)
    assert await store.get(key) == marked
    item["metadata"]["finalizers"] = ["a", "c"]
    await _raises(InvalidResource, store.update(item))
    item["metadata"]["finalizers"] = ["b"]
    assert (await store.update(item))["metadata"]["deletionTimestamp"]
    item["metadata"]["finalizers"] = []
    await store.update(item)
    await _raises(NotFound, store.get(key))


async def what_is_owned_goes_with_its_last_owner(store: Store) -> None:
    """Dependents of dependents go too; one with an owner left stays and forgets the one that went."""
    first, second = await store.create(config_map("first")), await store.create(config_map("second"))
    child = await store.create(owned_by(first, name="child"))
    await store.create(owned_by(child, name="grandchild"))
    await store.create(owned_by(first, second, name="shared"))
    await store.delete(key_of(first))
    left = (await store.list(_CONFIG_MAPS)).items
    assert [item["metadata"]["name"] for item in left] == ["second", "shared"]
    assert [owner["name"] for owner in left[1]["metadata"]["ownerReferences"]] == ["second"]
    await store.delete(key_of(second))
    assert (await store.list(_CONFIG_MAPS)).items == ()


async def a_finalizer_holds_a_dependent_too(store: Store) -> None:
    """A collected object with finalizers is marked; its own dependents wait until it goes."""
    owner = await store.create(config_map("owner"))
    held = owned_by(owner, name="held")
    held["metadata"]["finalizers"] = ["a"]
    stored = await store.create(held)
    await store.create(owned_by(stored, name="waiting"))
    await store.delete(key_of(owner))
    left = (await store.list(_CONFIG_MAPS)).items
    assert [item["metadata"]["name"] for item in left] == ["held", "waiting"]
    assert "deletionTimestamp" in left[0]["metadata"]
    held["metadata"]["finalizers"] = []
    await store.update(held)
    assert (await store.list(_CONFIG_MAPS)).items == ()


async def an_orphan_from_the_start_is_collected(store: Store) -> None:
    """An object created for an owner that has gone does not stay."""
    owner = await store.create(config_map("owner"))
    await store.delete(key_of(owner))
    await store.create(owned_by(owner, name="late"))
    assert (await store.list(_CONFIG_MAPS)).items == ()


async def a_watch_continues_a_list(store: Store) -> None:
    """What happens after a list's version is seen once, in order, with the object as it was after each change."""
    await store.create(config_map("before"))
    listing = await store.list(_CONFIG_MAPS)
    created = await store.create(config_map(key="1"))
    updated = await store.update(config_map(key="2"))
    status = await store.update_status(config_map() | {"status": {"x": 1}})
    await store.delete(key_of(created))
    async with store.watch(_CONFIG_MAPS, since=listing.resource_version) as changes:
        seen = [await _next(changes) for _ in range(4)]
    assert [change.type for change in seen] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    assert [change.item for change in seen[:3]] == [created, updated, status]
    assert seen[3].item["status"] == {"x": 1}
    versions = [_version(change.item) for change in seen]
    assert versions == sorted(set(versions))


async def a_watch_waits_for_the_future(store: Store) -> None:
    """Without a version a watch begins at its entry, wakes for what comes, and shows its kind and namespace alone."""
    await store.create(config_map("before"))
    async with store.watch(_CONFIG_MAPS, namespace="default") as changes, store.watch() as everything:
        waiting = asyncio.ensure_future(_next(changes))
        await asyncio.sleep(0)  # it waits from here on
        await store.create(config_map("elsewhere", "other"))
        await store.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}})
        wanted = await store.create(config_map("wanted"))
        assert (await waiting).item == wanted
        kinds = [(await _next(everything)).item["kind"] for _ in range(3)]
    assert kinds == ["ConfigMap", "Secret", "ConfigMap"]


async def a_cancelled_reader_loses_nothing(store: Store) -> None:
    """Giving up waiting for a change is no end of the watch."""
    async with store.watch(_CONFIG_MAPS) as changes:
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        created = await store.create(config_map())
        assert (await _next(changes)).item == created


async def a_watch_sees_every_kind_of_end(store: Store) -> None:
    """Marking is a MODIFIED; the last finalizer's leave, and collection, are a DELETED each."""
    owner = config_map("owner")
    owner["metadata"]["finalizers"] = ["a"]
    stored = await store.create(owner)
    await store.create(owned_by(stored, name="child"))
    async with store.watch(_CONFIG_MAPS) as changes:
        await store.delete(key_of(owner))
        owner["metadata"]["finalizers"] = []
        await store.update(owner)
        seen = [await _next(changes) for _ in range(3)]
    ends = [(change.type, change.item["metadata"]["name"]) for change in seen]
    assert ends == [("MODIFIED", "owner"), ("DELETED", "owner"), ("DELETED", "child")]


async def watchers_hold_copies(store: Store) -> None:
    """A watcher that changes what it was shown changes it for nobody else."""
    async with store.watch() as first, store.watch() as second:
        created = await store.create(config_map(key="1"))
        (await _next(first)).item["data"]["key"] = "changed"
        assert (await _next(second)).item == created
    assert await store.get(key_of(created)) == created


async def a_version_of_another_store_is_expired(store: Store) -> None:
    """A watch from a version that this store has not reached cannot go on from it."""
    created = await store.create(config_map())
    with_future = str(_version(created) + 1_000_000)
    try:
        async with store.watch(since=with_future):
            pass
    except Expired:
        return
    raise AssertionError("the watch began")


LAWS: Final[tuple[Law, ...]] = (
    what_is_created_is_read,
    creation_takes_no_books_from_the_caller,
    a_name_is_taken_once,
    what_is_absent_is_not_found,
    a_list_is_of_a_kind_and_namespace,
    an_update_counts_its_generation,
    status_is_written_by_its_own_verb,
    a_stale_writer_conflicts,
    callers_hold_copies,
    finalizers_hold_an_object,
    what_is_owned_goes_with_its_last_owner,
    a_finalizer_holds_a_dependent_too,
    an_orphan_from_the_start_is_collected,
    a_watch_continues_a_list,
    a_watch_waits_for_the_future,
    a_cancelled_reader_loses_nothing,
    a_watch_sees_every_kind_of_end,
    watchers_hold_copies,
    a_version_of_another_store_is_expired,
)


async def _next(changes: AsyncIterator[Change]) -> Change:
    async with asyncio.timeout(CHANGE_TIMEOUT_S):
        return await anext(changes)


async def _raises(error: type[Exception], outcome: Awaitable[object]) -> None:
    try:
        await outcome
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised")


def _version(item: Object) -> int:
    return int(item["metadata"]["resourceVersion"])
