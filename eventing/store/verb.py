"""The verbs that write, over a draft: what every store does alike, wherever its objects lie.

Each checks before it changes anything: one that raises has drafted nothing.
"""

from collections.abc import Sequence
from typing import Final

from eventing.errors import AlreadyExists, Conflict, Forbidden, NotFound
from eventing.resources.identity import Key, Object, key_of
from eventing.store import bookkeeping
from eventing.store.collection import is_held, namespace_key, remove, settle
from eventing.store.contract import Propagation, Written
from eventing.store.draft import Draft

_TOGETHER: Final = 100
"""Objects read at once; between two such reads a store may give way to others."""


def create(draft: Draft, item: Object, *, uid: str, now: str) -> Object:
    """See `Store.create`."""
    key = key_of(item)
    home = namespace_key(key.namespace)
    found = draft.read((key, home) if key.namespace else (key,))
    if key in found:
        raise AlreadyExists(f"{key} already exists")
    if home in found and bookkeeping.is_deleting(found[home]):
        raise Forbidden(f"unable to create new content in namespace {home.name} because it is being terminated")
    stored = draft.put("ADDED", bookkeeping.created(item, uid=uid, now=now, version=draft.next_version))
    settle(draft, now=now)
    return stored


def update(draft: Draft, item: Object, *, now: str) -> Object:
    """See `Store.update`."""
    old = _found(draft, key_of(item))
    stored = bookkeeping.updated(old, item, version=draft.next_version)
    if stored is old:
        return old
    is_ending = bookkeeping.is_deleting(stored) and not is_held(draft, stored)
    draft.put("DELETED" if is_ending else "MODIFIED", stored)
    settle(draft, now=now)
    return stored


def update_status(draft: Draft, item: Object) -> Object:
    """See `Store.update_status`."""
    old = _found(draft, key_of(item))
    stored = bookkeeping.with_status(old, item, version=draft.next_version)
    return old if stored is old else draft.put("MODIFIED", stored)


def update_statuses(draft: Draft, items: Sequence[Object]) -> Written:
    """See `Store.update_statuses`."""
    written: Written = []
    for start in range(0, len(items), _TOGETHER):
        some = items[start : start + _TOGETHER]
        draft.read([key_of(item) for item in some])
        written += [_written(draft, item) for item in some]
    return written


def _written(draft: Draft, item: Object) -> Object | NotFound | Conflict:
    try:
        return update_status(draft, item)
    except (NotFound, Conflict) as error:
        return error


def delete(
    draft: Draft, key: Key, *, uid: str | None, resource_version: str | None, propagation: Propagation, now: str
) -> Object:
    """See `Store.delete`."""
    old = _found(draft, key)
    bookkeeping.check(old, uid=uid, resource_version=resource_version)
    if bookkeeping.is_deleting(old):
        return old
    if propagation == "Orphan":
        owner = old["metadata"]["uid"]
        for item in draft.owned_by((owner,)):
            draft.put("MODIFIED", bookkeeping.orphaned(item, owner, version=draft.next_version))
    remove(draft, _found(draft, key), now=now, foreground=propagation == "Foreground")
    left = draft.steps[-1].item
    settle(draft, now=now)
    return left


def _found(draft: Draft, key: Key) -> Object:
    if (item := draft.find(key)) is None:
        raise NotFound(f"{key} not found")
    return item
