"""The store contract: where resources live, and the law of each verb. `eventing.store.conformance` holds the laws as
tests.

A store keeps what it is given: defaults and rules are `resources.admission`'s. What it adds to an object's metadata
is uid, resourceVersion, generation, creationTimestamp and deletionTimestamp; what it never takes from a caller are
these, and status except from `update_status`. Objects go in and come out as copies. Source: the Kubernetes API's
semantics.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from eventing.resources.identity import GroupKind, Key, Object

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened: `item` is the object after it; after DELETED, as it was at last, with the deletion's
    version.
    """

    type: ChangeType
    item: Object


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects by namespace and name, and the version of the whole store they were read at: where a watch goes on."""

    items: tuple[Object, ...]
    resource_version: str


class Store(Protocol):
    """Where resources live. A Protocol, because there are several. It belongs to the event loop it is used from."""

    async def get(self, key: Key) -> Object:
        """The object. Raises NotFound."""

    async def list(self, group_kind: GroupKind, namespace: str | None = None) -> Listing:
        """All objects of a kind, or those in one namespace."""

    async def create(self, item: Object) -> Object:
        """Store an object that is not there, without its status, and return it as stored. Raises AlreadyExists.

        An object whose owners are all gone is collected at once, as if they had gone a moment later.
        """

    async def update(self, item: Object) -> Object:
        """Replace all but status and what the store writes; return the object as stored.

        Raises NotFound, and Conflict where the caller's uid or resourceVersion (either may be absent) is another.
        Content that is equal changes nothing, not even the version. The generation grows with changes outside
        metadata. The last finalizer leaving an object that is being deleted removes it; no finalizer can join such an
        object: InvalidResource.
        """

    async def update_status(self, item: Object) -> Object:
        """Replace status and nothing else; raises as `update`. The generation stays."""

    async def delete(self, key: Key, *, uid: str | None = None) -> None:
        """Remove the object, and then all that only it owned. One with finalizers is marked instead, and goes with
        the last.

        Raises NotFound, and Conflict where the uid is given and another. Deleting what is marked already does nothing.
        """

    def watch(
        self, group_kind: GroupKind | None = None, *, namespace: str | None = None, since: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """For the length of the context, every change in order and once: of a kind or of all, in a namespace or in
        all.

        `since` is the resource version after which to begin; without it the watch begins at its entry. Entering, and
        also the iterator when its reader fell too far behind, raise Expired where changes since then are no longer
        known.
        """
