"""The verbs without HTTP, where writers meet, and applies."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from eventing.apiserver.patching import APPLY_PATCH, MERGE_PATCH, Patch
from eventing.apiserver.query import DeleteOptions, ListOptions, WriteOptions
from eventing.apiserver.refusal import FailedPrecondition, FieldConflict, MissingNamespace, Refused
from eventing.apiserver.registry import UPDATE_TRIES, Registry, random_suffix
from eventing.apiserver.target import Target
from eventing.errors import Conflict, NotFound
from eventing.resources.broker import BROKER
from eventing.resources.catalogue import Catalogue
from eventing.resources.core import CONFIG_MAP
from tests.eventing.apiserver.stage import broker, config_map, context_of
from tests.eventing.store.memory_store import MemoryStore

COLLECTION = Target(CONFIG_MAP.served, "default")
TARGET = Target(CONFIG_MAP.served, "default", "c")
OPTIONS = WriteOptions(manager="one")


class CrowdedStore(MemoryStore):
    """A store in which somebody else is always a moment faster."""

    def __init__(self) -> None:
        super().__init__()
        self.before_write: Callable[[], Awaitable[Any]] | None = None
        self.times = 0

    async def _meet(self) -> None:
        if self.before_write is not None and self.times:
            self.times -= 1
            before, self.before_write = self.before_write, None
            await before()
            self.before_write = before

    async def create(self, item: Any, *, dry_run: bool = False) -> Any:
        await self._meet()
        return await super().create(item, dry_run=dry_run)

    async def update(self, item: Any, *, dry_run: bool = False) -> Any:
        await self._meet()
        return await super().update(item, dry_run=dry_run)


async def stocked() -> tuple[CrowdedStore, Registry]:
    store = CrowdedStore()
    await store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    return store, Registry(store=store, catalogue=Catalogue(), context_of=context_of)


async def touch(store: CrowdedStore) -> None:
    item = await store.get(TARGET.kind.key("default", "c"))
    item.setdefault("data", {})["touched"] = str(int(item["data"].get("touched", "0")) + 1)
    await MemoryStore.update(store, item)


async def test_a_patch_is_tried_anew_on_what_somebody_else_wrote() -> None:
    """Nothing of either is lost."""
    store, registry = await stocked()
    await registry.create(COLLECTION, config_map(a="1"), OPTIONS)
    store.before_write, store.times = lambda: touch(store), UPDATE_TRIES - 1
    written = await registry.patch(TARGET, Patch(MERGE_PATCH, {"data": {"b": "2"}}), OPTIONS)
    assert written.item["data"] == {"a": "1", "b": "2", "touched": str(UPDATE_TRIES - 1)}


async def test_tries_have_an_end() -> None:
    """The client is told, and may ask again."""
    store, registry = await stocked()
    await registry.create(COLLECTION, config_map(a="1"), OPTIONS)
    store.before_write, store.times = lambda: touch(store), UPDATE_TRIES
    with pytest.raises(Conflict):
        await registry.patch(TARGET, Patch(MERGE_PATCH, {"data": {"b": "2"}}), OPTIONS)


async def test_a_patch_of_a_version_is_of_that_version() -> None:
    """It says itself what it was made for."""
    store, registry = await stocked()
    made = await registry.create(COLLECTION, config_map(a="1"), OPTIONS)
    await touch(store)
    version = made.item["metadata"]["resourceVersion"]
    patch = Patch(MERGE_PATCH, {"metadata": {"resourceVersion": version}, "data": {"b": "2"}})
    with pytest.raises(FailedPrecondition):
        await registry.patch(TARGET, patch, OPTIONS)


async def apply(registry: Registry, *, manager: str = "one", forced: bool = False, **data: str) -> Any:
    options = WriteOptions(manager=manager, is_forced=forced)
    return await registry.patch(TARGET, Patch(APPLY_PATCH, config_map(**data)), options)


async def test_an_apply_that_says_nothing_of_any_field_makes_an_object() -> None:
    """A Broker without a spec is all defaults, which its manager wrote. Again it changes nothing."""
    _, registry = await stocked()
    target, patch = Target(BROKER.served, "default", "b"), Patch(APPLY_PATCH, broker())
    created = await registry.patch(target, patch, OPTIONS)
    assert ["Update"] == [one["operation"] for one in created.item["metadata"]["managedFields"]]
    assert created.item == (await registry.patch(target, patch, OPTIONS)).item


async def test_an_apply_creates_changes_and_removes() -> None:
    """One verb for all: the object is what its manager wants."""
    _, registry = await stocked()
    made = await apply(registry, a="1", b="2")
    assert made.is_created
    again = await apply(registry, a="1", b="2")
    assert (again.is_created, again.item) == (False, made.item)
    changed = await apply(registry, a="3")
    assert changed.item["data"] == {"a": "3"}


async def test_an_apply_does_not_take_what_others_own() -> None:
    """Unless it is forced."""
    _, registry = await stocked()
    await apply(registry, a="1")
    with pytest.raises(FieldConflict):
        await apply(registry, manager="two", a="2")
    assert (await apply(registry, manager="two", forced=True, a="2")).item["data"] == {"a": "2"}


async def test_an_update_and_an_apply_know_of_each_other() -> None:
    """Fields change hands by either."""
    _, registry = await stocked()
    await apply(registry, a="1")
    await registry.patch(TARGET, Patch(MERGE_PATCH, {"data": {"a": "2"}}), WriteOptions(manager="two"))
    with pytest.raises(FieldConflict) as caught:
        await apply(registry, a="1")
    assert caught.value.causes[0][1] == ".data.a"


async def test_who_applies_first_while_somebody_creates_applies_to_it() -> None:
    """There is one object afterwards, with what both wanted."""
    store, registry = await stocked()

    async def create() -> None:
        await MemoryStore.create(store, {**config_map(x="1"), "metadata": {"name": "c", "namespace": "default"}})

    store.before_write, store.times = create, 1
    assert (await apply(registry, a="1")).item["data"] == {"x": "1", "a": "1"}


@pytest.mark.parametrize("metadata", [{"uid": "1"}, {"resourceVersion": "1"}])
async def test_an_apply_to_a_certain_object_creates_none(metadata: dict[str, str]) -> None:
    """Who names a uid or a version means one that is there."""
    _, registry = await stocked()
    item = {**config_map(), "metadata": {"name": "c", **metadata}}
    with pytest.raises(NotFound):
        await registry.patch(TARGET, Patch(APPLY_PATCH, item), OPTIONS)


async def test_an_apply_needs_a_namespace_and_an_object() -> None:
    """As a creation does."""
    _, registry = await stocked()
    with pytest.raises(MissingNamespace):
        await registry.patch(Target(CONFIG_MAP.served, "other", "c"), Patch(APPLY_PATCH, config_map()), OPTIONS)
    with pytest.raises(Refused):
        await registry.patch(TARGET, Patch(APPLY_PATCH, "x"), OPTIONS)


async def test_a_status_can_be_applied() -> None:
    """To an object that is there."""
    _, registry = await stocked()
    target = Target(BROKER.served, "default", "b", "status")
    patch = Patch(APPLY_PATCH, {**broker(), "status": {"address": {"url": "http://x"}}})
    with pytest.raises(NotFound):
        await registry.patch(target, patch, OPTIONS)
    await registry.create(Target(BROKER.served, "default"), broker(), OPTIONS)
    written = await registry.patch(target, patch, OPTIONS)
    assert written.item["status"] == {"address": {"url": "http://x"}}
    assert [entry.get("subresource") for entry in written.item["metadata"]["managedFields"]] == ["status", None]


async def test_who_deletes_a_collection_does_not_mind_company() -> None:
    """What somebody else deleted meanwhile is gone as well."""
    store, registry = await stocked()
    for name in ("a", "b"):
        await registry.create(COLLECTION, config_map(name), OPTIONS)
    deleting = registry.delete

    async def meanwhile(target: Target, options: DeleteOptions) -> Any:
        if target.name == "a":
            await store.delete(TARGET.kind.key("default", "a"))
        return await deleting(target, options)

    registry.delete = meanwhile  # type: ignore[method-assign]
    page = await registry.delete_collection(COLLECTION, ListOptions(), DeleteOptions())
    assert [item["metadata"]["name"] for item in page.items] == ["b"]


def test_generated_names_end_in_five_characters_of_the_alphabet() -> None:
    """Such as nobody mistakes for another."""
    assert len(random_suffix()) == 5
    assert not set(random_suffix()) & set("aeiou013")
