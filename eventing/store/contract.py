"""The store contract: where resources live, and the law of each verb. `eventing.store.conformance` holds the laws as
tests.

A store keeps what it is given: defaults and rules are `resources.admission`'s, and whether a namespace must be there
is the API's affair. What it adds to an object's metadata is uid, resourceVersion, generation, creationTimestamp and
deletionTimestamp; what it never takes from a caller are these, and status except from `update_status`. All other
metadata, managedFields among it, is the caller's. Objects go in and come out as copies. Every verb is one transaction,
with all that it makes go or change elsewhere; a call that is cancelled was done whole or not at all. Any of them raises
StoreUnavailable while the store cannot be reached: what was asked for may then have been done. Source: the Kubernetes
API's semantics.
"""

from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from eventing.errors import Conflict, NotFound
from eventing.resources.identity import GroupKind, Key, Object

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Propagation = Literal["Background", "Foreground", "Orphan"]
Written = list[Object | Conflict | NotFound]
"""What became of each of several writes: the object as stored, or the error that is its alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened: `item` is the object after it; after DELETED, as it was at last, with the deletion's
    version.
    """

    type: ChangeType
    item: Object


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects by namespace and name, and the version of the whole store to go on watching from.

    Where there are more, `continue_token` asks for the next page, and `remaining` says how many come after this one.
    """

    items: tuple[Object, ...]
    resource_version: str
    continue_token: str = ""
    remaining: int | None = None


class Stored(Protocol):
    """An object as it lies in the store, not decoded until somebody asks."""

    @property
    def item(self) -> Object:
        """A copy of it, made at each call."""

    @property
    def views(self) -> dict[Hashable, Any]:
        """What readers made of it and want to find again, by names of their own. It is forgotten when it changes."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A listing whose objects are not decoded."""

    rows: tuple[Stored, ...]
    resource_version: str
    continue_token: str = ""
    remaining: int | None = None


class Changes(Protocol):
    """What a watch shows, one by one. A read that is cancelled loses nothing: the next one goes on where it stood."""

    @property
    def resource_version(self) -> str:
        """The version up to which all was seen: returned, or passed over as of another kind or namespace."""

    def __aiter__(self) -> AsyncIterator[Change]: ...

    async def __anext__(self) -> Change: ...


class Store(Protocol):
    """Where resources live. A Protocol, because there are several. It belongs to the event loop it is used from."""

    async def version(self) -> str:
        """The version of the whole store: the latest change's."""

    async def get(self, key: Key) -> Object:
        """The object. Raises NotFound."""

    async def list(
        self,
        group_kind: GroupKind,
        namespace: str | None = None,
        *,
        limit: int | None = None,
        continue_token: str = "",
    ) -> Listing:
        """All objects of a kind, or those in one namespace: at most `limit` of them, then the next after the token's.

        Every page bears the first one's version, though it shows its objects as they are when it is read: a watch from
        that version shows what changed meanwhile. Raises InvalidToken for what is no token of this list, and Expired
        where the changes since the first page are no longer known.
        """

    async def scan(
        self,
        group_kind: GroupKind,
        namespace: str | None = None,
        *,
        limit: int | None = None,
        continue_token: str = "",
    ) -> Scan:
        """As `list`, for who looks at objects that he has seen before."""

    async def create(self, item: Object, *, dry_run: bool = False) -> Object:
        """Store an object that is not there, without its status, and return it as stored.

        Raises AlreadyExists, and Forbidden where its namespace is being deleted. An object whose owners are all gone is
        collected at once, as if they had gone a moment later. A dry run, here as below, checks everything and returns
        what would be stored, and keeps nothing.
        """

    async def update(self, item: Object, *, dry_run: bool = False) -> Object:
        """Replace all but status and what the store writes; return the object as stored.

        Raises NotFound, and Conflict where the caller's uid or resourceVersion (either may be absent) is another.
        Content that is equal changes nothing, not even the version; times in managedFields are no content. The
        generation grows with changes outside metadata. The last finalizer leaving an object that is being deleted
        removes it; no finalizer can join such an object: InvalidResource.
        """

    async def update_status(self, item: Object, *, dry_run: bool = False) -> Object:
        """Replace status, and metadata.managedFields where the caller brings them; raises as `update`. The generation
        stays.
        """

    async def update_statuses(self, items: Sequence[Object]) -> Written:
        """`update_status` for each, in one transaction and in order: what became of each."""

    async def delete(
        self,
        key: Key,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
        dry_run: bool = False,
    ) -> Object:
        """Remove the object, and return it as it was at last. One with finalizers is marked instead, and goes with the
        last of them; what is marked, here and below, is returned so, though it may have gone already.

        What only it owned goes after it. Foreground: before it; the object is marked and held by the finalizer
        `foregroundDeletion` until no object is left that names it as an owner with blockOwnerDeletion; it is returned
        as it is marked, even where it is gone at once. Orphan: what it owned stays, and forgets it. A Namespace is
        marked, all that is in it is deleted, and it goes with the last of that. Raises NotFound, and Conflict where the
        uid or the version is given and another. Deleting what is marked already does nothing.
        """

    def watch(
        self, group_kind: GroupKind | None = None, *, namespace: str | None = None, since: str | None = None
    ) -> AbstractAsyncContextManager[Changes]:
        """For the length of the context, every change in order and once: of a kind or of all, in a namespace or in
        all.

        `since` is the resource version after which to begin; without it the watch begins at its entry. Entering, and
        also the iterator when its reader fell too far behind, raise Expired where changes since then are no longer
        known.
        """
