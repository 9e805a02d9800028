"""Laws of a store: what goes, what goes with it, and what holds it up."""

from typing import Final

from eventing.errors import Conflict, Forbidden, InvalidResource, NotFound
from eventing.resources.identity import key_of
from eventing.store.contract import Propagation, Store
from eventing.store.witness import (
    CONFIG_MAPS,
    Law,
    config_map,
    ends,
    held,
    names,
    namespace,
    next_change,
    owned_by,
    raises,
)


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
    await raises(InvalidResource, store.update(item))
    item["metadata"]["finalizers"] = ["b"]
    assert (await store.update(item))["metadata"]["deletionTimestamp"]
    item["metadata"]["finalizers"] = []
    await store.update(item)
    await raises(NotFound, store.get(key))


async def what_is_owned_goes_with_its_last_owner(store: Store) -> None:
    """Dependents of dependents go too; one with an owner left stays and forgets the one that went."""
    first, second = await store.create(config_map("first")), await store.create(config_map("second"))
    child = await store.create(owned_by(first, name="child"))
    await store.create(owned_by(child, name="grandchild"))
    await store.create(owned_by(first, second, name="shared"))
    await store.delete(key_of(first))
    left = (await store.list(CONFIG_MAPS)).items
    assert [item["metadata"]["name"] for item in left] == ["second", "shared"]
    assert [owner["name"] for owner in left[1]["metadata"]["ownerReferences"]] == ["second"]
    await store.delete(key_of(second))
    assert (await store.list(CONFIG_MAPS)).items == ()


async def a_finalizer_holds_a_dependent_too(store: Store) -> None:
    """A collected object with finalizers is marked; its own dependents wait until it goes."""
    owner = await store.create(config_map("owner"))
    held = owned_by(owner, name="held")
    held["metadata"]["finalizers"] = ["a"]
    stored = await store.create(held)
    await store.create(owned_by(stored, name="waiting"))
    await store.delete(key_of(owner))
    left = (await store.list(CONFIG_MAPS)).items
    assert [item["metadata"]["name"] for item in left] == ["held", "waiting"]
    assert "deletionTimestamp" in left[0]["metadata"]
    held["metadata"]["finalizers"] = []
    await store.update(held)
    assert (await store.list(CONFIG_MAPS)).items == ()


async def an_orphan_from_the_start_is_collected(store: Store) -> None:
    """An object created for an owner that has gone does not stay."""
    owner = await store.create(config_map("owner"))
    await store.delete(key_of(owner))
    await store.create(owned_by(owner, name="late"))
    assert (await store.list(CONFIG_MAPS)).items == ()


async def a_watch_sees_every_kind_of_end(store: Store) -> None:
    """Marking is a MODIFIED; the last finalizer's leave, and collection, are a DELETED each."""
    owner = config_map("owner")
    owner["metadata"]["finalizers"] = ["a"]
    stored = await store.create(owner)
    await store.create(owned_by(stored, name="child"))
    async with store.watch(CONFIG_MAPS) as changes:
        await store.delete(key_of(owner))
        owner["metadata"]["finalizers"] = []
        await store.update(owner)
        seen = [await next_change(changes) for _ in range(3)]
    ends = [(change.type, change.item["metadata"]["name"]) for change in seen]
    assert ends == [("MODIFIED", "owner"), ("DELETED", "owner"), ("DELETED", "child")]


async def a_deletion_returns_what_is_left(store: Store) -> None:
    """The object as it was at last or, where something must go before it, as it was marked."""
    async with store.watch() as changes:
        created = await store.create(config_map(key="1"))
        removed = await store.delete(key_of(created))
        seen = [await next_change(changes) for _ in range(2)]
    assert seen[1].item == removed
    assert removed["data"] == created["data"]
    assert "deletionTimestamp" not in removed["metadata"]
    key = key_of(await store.create(held(config_map(), "a")))
    marked = await store.delete(key)
    assert marked == await store.get(key)
    assert await store.delete(key) == marked


async def a_deletion_may_name_a_version(store: Store) -> None:
    """Another one conflicts, and nothing goes."""
    old = await store.create(config_map(key="1"))
    key, new = key_of(old), await store.update(config_map(key="2"))
    await raises(Conflict, store.delete(key, resource_version=old["metadata"]["resourceVersion"]))
    assert await store.get(key) == new
    await store.delete(key, uid=new["metadata"]["uid"], resource_version=new["metadata"]["resourceVersion"])
    await raises(NotFound, store.get(key))


async def orphans_stay(store: Store) -> None:
    """They forget the owner that went, and keep the others."""
    first, second = await store.create(config_map("first")), await store.create(config_map("second"))
    await store.create(owned_by(first, name="alone"))
    await store.create(owned_by(first, second, name="shared"))
    await store.delete(key_of(first), propagation="Orphan")
    left = {item["metadata"]["name"]: item["metadata"] for item in (await store.list(CONFIG_MAPS)).items}
    assert sorted(left) == ["alone", "second", "shared"]
    assert "ownerReferences" not in left["alone"]
    assert [owner["name"] for owner in left["shared"]["ownerReferences"]] == ["second"]


async def foreground_takes_the_owned_first(store: Store) -> None:
    """The owner is marked, what it owns goes, then the owner."""
    owner = await store.create(config_map("owner"))
    child = await store.create(owned_by(owner, name="child", is_blocking=True))
    await store.create(owned_by(child, name="grandchild", is_blocking=True))
    async with store.watch(CONFIG_MAPS) as changes:
        await store.delete(key_of(owner), propagation="Foreground")
        seen = [await next_change(changes) for _ in range(5)]
    assert ends(*seen) == [
        ("MODIFIED", "owner"),
        ("MODIFIED", "child"),
        ("DELETED", "grandchild"),
        ("DELETED", "child"),
        ("DELETED", "owner"),
    ]
    assert seen[0].item["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert await names(store) == []


async def foreground_waits_for_who_blocks(store: Store) -> None:
    """The owner stays, held by `foregroundDeletion`, while a blocking dependent does; for others it does not wait."""
    owner = await store.create(held(config_map("owner"), "own"))
    await store.create(held(owned_by(owner, name="blocking", is_blocking=True), "a"))
    await store.create(held(owned_by(owner, name="other"), "a"))
    marked = await store.delete(key_of(owner), propagation="Foreground")
    assert marked["metadata"]["finalizers"] == ["own", "foregroundDeletion"]
    await store.update(held(config_map("owner"), "foregroundDeletion"))
    assert await names(store) == ["blocking", "other", "owner"]
    await store.update(held(owned_by(owner, name="blocking", is_blocking=True)))
    assert await names(store) == ["other"]


async def foreground_spares_who_has_another_owner(store: Store) -> None:
    """An owner that waits counts as gone: what has another one forgets it, and does not block it."""
    first, second = await store.create(config_map("first")), await store.create(config_map("second"))
    await store.create(owned_by(first, second, name="shared", is_blocking=True))
    await store.delete(key_of(first), propagation="Foreground")
    left = (await store.list(CONFIG_MAPS)).items
    assert [item["metadata"]["name"] for item in left] == ["second", "shared"]
    assert [owner["name"] for owner in left[1]["metadata"]["ownerReferences"]] == ["second"]


async def owners_in_a_circle_go_together(store: Store) -> None:
    """Whichever way they are deleted, nobody waits for ever."""
    circles: tuple[Propagation, ...] = ("Background", "Foreground")
    for propagation in circles:
        first = await store.create(config_map("first"))
        second = await store.create(owned_by(first, name="second", is_blocking=True))
        await store.update(owned_by(second, name="first", is_blocking=True))
        await store.delete(key_of(first), propagation=propagation)
        assert await names(store) == []


async def a_namespace_takes_all_with_it(store: Store) -> None:
    """It is marked, what is in it goes, then it goes; other namespaces stay as they are."""
    home = await store.create(namespace("default"))
    await store.create(config_map("a"))
    await store.create(config_map("b"))
    await store.create(config_map("c", "other"))
    async with store.watch() as changes:
        marked = await store.delete(key_of(home))
        seen = [await next_change(changes) for _ in range(4)]
    assert ends(*seen) == [("MODIFIED", "default"), ("DELETED", "a"), ("DELETED", "b"), ("DELETED", "default")]
    assert "deletionTimestamp" in seen[0].item["metadata"]
    assert marked == seen[0].item
    assert await names(store) == ["c"]
    await raises(NotFound, store.get(key_of(home)))


async def a_namespace_goes_with_the_last_of_it(store: Store) -> None:
    """What has finalizers holds it; meanwhile nothing can be created in it, and it can be created again after it."""
    home = await store.create(namespace("default"))
    await store.create(held(config_map("held"), "a"))
    await store.create(config_map("free"))
    marked = await store.delete(key_of(home))
    assert "deletionTimestamp" in marked["metadata"]
    assert await names(store) == ["held"]
    await raises(Forbidden, store.create(config_map("late")))
    await raises(Forbidden, store.create(config_map("late"), dry_run=True))
    assert await store.update_status(home | {"status": {"phase": "Terminating"}, "metadata": {"name": "default"}})
    labelled = namespace("default")
    labelled["metadata"]["labels"] = {"a": "b"}
    await store.update(labelled)
    assert await store.get(key_of(home))
    await store.update(config_map("held"))
    await raises(NotFound, store.get(key_of(home)))
    await store.create(namespace("default"))
    await store.create(config_map("late"))


async def a_namespace_has_finalizers_too(store: Store) -> None:
    """An empty one waits for its own."""
    home = await store.create(held(namespace("default"), "a"))
    await store.create(config_map())
    await store.delete(key_of(home))
    assert await names(store) == []
    await raises(Forbidden, store.create(config_map()))
    await store.update(held(namespace("default")))
    await raises(NotFound, store.get(key_of(home)))


async def an_owner_that_is_forgotten_holds_nothing(store: Store) -> None:
    """A dependent that stops naming its waiting owner lets it go."""
    owner = await store.create(config_map("owner"))
    child = held(owned_by(owner, name="child", is_blocking=True), "a")
    await store.create(child)
    await store.delete(key_of(owner), propagation="Foreground")
    assert await names(store) == ["child", "owner"]
    await store.update(held(config_map("child"), "a"))
    assert await names(store) == ["child"]


LAWS: Final[tuple[Law, ...]] = (
    finalizers_hold_an_object,
    what_is_owned_goes_with_its_last_owner,
    a_finalizer_holds_a_dependent_too,
    an_orphan_from_the_start_is_collected,
    a_watch_sees_every_kind_of_end,
    a_deletion_returns_what_is_left,
    a_deletion_may_name_a_version,
    orphans_stay,
    foreground_takes_the_owned_first,
    foreground_waits_for_who_blocks,
    foreground_spares_who_has_another_owner,
    owners_in_a_circle_go_together,
    a_namespace_takes_all_with_it,
    a_namespace_goes_with_the_last_of_it,
    a_namespace_has_finalizers_too,
    an_owner_that_is_forgotten_holds_nothing,
)
