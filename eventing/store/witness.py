"""What the laws of stores have in common: small objects to store, and ways to wait and to look."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from eventing.resources.identity import GroupKind, Object
from eventing.store.contract import Change, Changes, Store

CHANGE_TIMEOUT_S: Final = 10.0
"""Within this a change that is due must arrive."""
CONFIG_MAPS: Final = GroupKind("", "ConfigMap")
Law = Callable[[Store], Awaitable[None]]
"""Raises AssertionError where the fresh, empty store breaks it."""
PairLaw = Callable[[Store, Store], Awaitable[None]]
"""The same, of two doors to one store."""


def config_map(name: str = "a", namespace: str = "default", **data: str) -> Object:
    """A small object to store."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def namespace(name: str) -> Object:
    """The object that a namespace is deleted by."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def owned_by(*owners: Object, name: str, is_blocking: bool = False) -> Object:
    """A small object with these owners, which it keeps from going before it where it is blocking."""
    item = config_map(name)
    item["metadata"]["ownerReferences"] = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
        }
        | ({"blockOwnerDeletion": True} if is_blocking else {})
        for owner in owners
    ]
    return item


def held(item: Object, *finalizers: str) -> Object:
    """The object with these finalizers."""
    return {**item, "metadata": {**item["metadata"], "finalizers": list(finalizers)}}


def version_of(item: Object) -> int:
    """The version of an object, as a number."""
    return int(item["metadata"]["resourceVersion"])


def ends(*changes: Change) -> list[tuple[str, str]]:
    """What happened to whom."""
    return [(change.type, change.item["metadata"]["name"]) for change in changes]


async def names(store: Store) -> list[str]:
    """The ConfigMaps there are."""
    return [item["metadata"]["name"] for item in (await store.list(CONFIG_MAPS)).items]


async def next_change(changes: Changes) -> Change:
    """The next one, within the time it has."""
    async with asyncio.timeout(CHANGE_TIMEOUT_S):
        return await anext(changes)


async def raises(error: type[Exception], outcome: Awaitable[object]) -> None:
    """Raise AssertionError where it does not raise that."""
    try:
        await outcome
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised")
