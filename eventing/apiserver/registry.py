"""The verbs of the API for a user, without HTTP: what `kubectl` and the files of `eventing serve -f` go through alike.

Each takes and returns objects in a version that is served, checks and completes them, and leaves the rest to the
store. Errors are `eventing.errors`' and `Refused`; `refusal.refusal_of` words them. Source: the Kubernetes API.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from eventing.apiserver import identification
from eventing.apiserver.admitting import Fit, admit_object, admit_status, manager_of, with_managed_fields
from eventing.apiserver.clock import Clock, rfc3339, utc_now
from eventing.apiserver.feed import Feed
from eventing.apiserver.patching import Patch, apply_patch, apply_wanted
from eventing.apiserver.precondition import check_deletable, check_same, check_versioned
from eventing.apiserver.query import DeleteOptions, ListOptions, WriteOptions
from eventing.apiserver.reader import Made, Page, Reader
from eventing.apiserver.refusal import FailedPrecondition, FieldConflict, MissingNamespace
from eventing.apiserver.scaling import scale_of, scaled
from eventing.apiserver.target import Target
from eventing.errors import AlreadyExists, Conflict, NotFound
from eventing.patch.managed_field import Manager
from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import GroupKind, Key, Object
from eventing.resources.kind import Context
from eventing.store.contract import Store

UPDATE_TRIES: Final = 5
"""How often a patch is tried on an object that others change meanwhile (Kubernetes' `MaxRetryWhenPatchConflicts`)."""
NAME_TRIES: Final = 8
"""How often another name is generated where one is taken (Kubernetes' number)."""
_NAMESPACE: Final = GroupKind("", "Namespace")


def random_suffix() -> str:
    """What ends a generated name, by the system's dice."""
    return "".join(secrets.choice(identification.SUFFIX_ALPHABET) for _ in range(identification.SUFFIX_CHARACTERS))


@dataclass(frozen=True, slots=True)
class Written:
    """What a write made: the object as its version shows it, and warnings for the user."""

    item: Object
    warnings: tuple[str, ...] = ()
    is_created: bool = False


class Registry:
    """The stored kinds of a catalogue, for users. `context_of` tells what admission may know when that user writes,
    `clock` when it is, and `suffix` how generated names end.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        context_of: Callable[[str], Awaitable[Context]],
        clock: Clock = utc_now,
        suffix: Callable[[], str] = random_suffix,
    ) -> None:
        self.catalogue = catalogue
        self._store = store
        self._reader = Reader(store)
        self._context_of = context_of
        self._clock = clock
        self._suffix = suffix
        self._namespaces: frozenset[str] = frozenset()
        """Those that need not be looked for."""

    def within(self, context: Context, namespaces: Collection[str]) -> "Registry":
        """The same for many writes at once, while the server's configuration is that and these namespaces are there."""

        async def context_of(user: str) -> Context:
            return replace(context, user=user)

        found = Registry(
            store=self._store, catalogue=self.catalogue, context_of=context_of, clock=self._clock, suffix=self._suffix
        )
        found._namespaces = frozenset(namespaces)
        return found

    async def context(self) -> Context:
        """What admission may know at the moment."""
        return await self._context_of("admin")

    async def get(self, target: Target) -> Object:
        """The object, or the subresource of it. Raises NotFound."""
        item = await self._reader.get(target)
        return self._shown(item, target)

    def pages(self, target: Target, options: ListOptions) -> AsyncIterator[Page]:
        """The list; see Reader."""
        return self._reader.pages(target, options)

    def watch(self, target: Target, options: ListOptions) -> Feed:
        """The changes; see Feed. Raises Refused for what cannot be selected."""
        return Feed(store=self._store, target=target, options=options)

    async def create(self, target: Target, given: object, options: WriteOptions) -> Written:
        """Store an object in a collection.

        Raises InvalidResource, AlreadyExists, MissingNamespace, Forbidden, Refused.
        """
        item = identification.identified(given, target)
        await self._check_namespace(target)
        base = item["metadata"].get("generateName")
        if item["metadata"].get("name") or not isinstance(base, str) or not base:
            return await self._create(target, item, options)
        for _ in range(NAME_TRIES - 1):
            try:
                return await self._create(target, self._named(item, base), options)
            except AlreadyExists:
                continue
        return await self._create(target, self._named(item, base), options)

    async def update(self, target: Target, given: object, options: WriteOptions) -> Written:
        """Replace the object, or a subresource of it, by what was given.

        Raises NotFound, InvalidResource, Conflict, Refused.
        """
        if target.subresource == "scale":
            return await self._update(target, lambda _: given, options)
        identified = identification.identified(given, target)

        def replace(_shown: Object) -> Object:
            check_versioned(identified, target)  # what is not there needs no version to be missed
            return identified

        return await self._update(target, replace, options)

    async def patch(self, target: Target, patch: Patch, options: WriteOptions) -> Written:
        """Change the object, or a subresource of it, as the patch says; an apply patch creates it where it is not.

        Raises as `update`, and Refused where the patch does not fit the object, or is none that its kind takes.
        """
        if patch.is_apply:
            return await self._apply(target, patch, options)
        return await self._update(target, lambda shown: apply_patch(shown, patch, target.served), options)

    async def delete(self, target: Target, options: DeleteOptions) -> tuple[Object, bool]:
        """Remove the object. Returns it as it was at last, and whether it is gone. Raises NotFound, Conflict."""
        key = target.kind.key(target.namespace or "", target.name)
        if options.uid is not None or options.resource_version is not None:
            check_deletable(await self._store.get(key), options)
        stored = await self._store.delete(
            key,
            uid=options.uid,
            resource_version=options.resource_version,
            propagation=options.propagation,
            dry_run=options.is_dry_run,
        )
        is_gone = "deletionTimestamp" not in stored["metadata"]
        return target.kind.from_stored(stored, target.served.version), is_gone

    async def delete_collection(self, target: Target, options: ListOptions, how: DeleteOptions) -> Page:
        """Remove what is selected, and return it."""
        pages = [page async for page in self._reader.pages(target, options)]
        deleted = []
        for item in (item for page in pages for item in page.items):
            one = Target(target.served, item["metadata"].get("namespace"), item["metadata"]["name"])
            try:
                deleted.append((await self.delete(one, how))[0])
            except NotFound:
                continue  # somebody else did
        return Page(tuple(map(Made, deleted)), pages[-1].resource_version, pages[-1].continue_token)

    def _named(self, item: Object, base: str) -> Object:
        name = base[: identification.BASE_MAX_CHARACTERS] + self._suffix()
        return {**item, "metadata": {**item["metadata"], "name": name}}

    async def _create(
        self, target: Target, item: Object, options: WriteOptions, managed: list[Object] | None = None
    ) -> Written:
        context = await self._context_of(options.user)
        fit = admit_object(target, item, None, options=options, context=context, now=rfc3339(self._clock()))
        item = with_managed_fields(fit.item, managed) if managed else fit.item
        stored = await self._store.create(item, dry_run=options.is_dry_run)
        shown = target.kind.from_stored(stored, target.served.version)
        return Written(_at(shown, None) if options.is_dry_run else shown, fit.warnings, is_created=True)

    async def _update(self, target: Target, change: Callable[[Object], object], options: WriteOptions) -> Written:
        key = target.kind.key(target.namespace or "", target.name)

        async def attempt() -> Written:
            old = await self._store.get(key)
            shown = target.kind.from_stored(old, target.served.version)
            return await self._replace(target, old, change(self._shown(shown, target)), options)

        return await _retried(attempt)

    async def _apply(self, target: Target, patch: Patch, options: WriteOptions) -> Written:
        """Make the object what its manager wants, where it is not there, too."""
        wanted = identification.identified(patch.body, target)
        manager = manager_of(target, options, rfc3339(self._clock()))
        key = target.kind.key(target.namespace or "", target.name)

        async def attempt() -> Written:
            try:
                old = await self._store.get(key)
            except NotFound:
                return await self._apply_first(target, wanted, manager, options)
            shown = target.kind.from_stored(old, target.served.version)
            merged = apply_wanted(shown, wanted, manager, target.served, is_forced=options.is_forced)
            return await self._replace(target, old, merged, options, merged["metadata"].get("managedFields", []))

        return await _retried(attempt)

    async def _apply_first(self, target: Target, wanted: Object, manager: Manager, options: WriteOptions) -> Written:
        if target.subresource or wanted["metadata"].get("uid") or wanted["metadata"].get("resourceVersion"):
            raise NotFound(target.name)
        await self._check_namespace(target)
        item = apply_wanted(None, wanted, manager, target.served, is_forced=True)
        try:
            return await self._create(target, item, options, item["metadata"].get("managedFields", []))
        except AlreadyExists as error:
            raise Conflict(target.name) from error  # somebody was faster: what is there is applied to

    async def _replace(
        self,
        target: Target,
        old: Object,
        given: object,
        options: WriteOptions,
        managed: list[Object] | None = None,
    ) -> Written:
        """Write what a change made of the stored object, and of no other. `managed` are its managedFields, where they
        are known.
        """
        kind, version = target.served
        if target.subresource == "scale":
            assert kind.scale is not None
            given = scaled(kind.from_stored(old, version), kind.scale, given)
        item = identification.identified(given, target)
        check_same(old, item)
        fit = await self._fit(target, item, old, options)
        stored = fit.item if managed is None else with_managed_fields(fit.item, managed)
        stored = {**stored, "metadata": {**stored["metadata"], **_identity(old)}}
        write = self._store.update_status if target.subresource == "status" else self._store.update
        shown = kind.from_stored(await write(stored, dry_run=options.is_dry_run), version)
        if options.is_dry_run:
            shown = _at(shown, old["metadata"]["resourceVersion"])
        return Written(self._shown(shown, target), fit.warnings)

    async def _fit(self, target: Target, item: Object, old: Object, options: WriteOptions) -> Fit:
        if target.subresource == "status":
            return admit_status(target, item, old, options=options, now=rfc3339(self._clock()))
        context = await self._context_of(options.user)
        return admit_object(target, item, old, options=options, context=context, now=rfc3339(self._clock()))

    async def _check_namespace(self, target: Target) -> None:
        if not target.kind.is_namespaced:
            return
        name = target.namespace or ""
        if name in self._namespaces:
            return
        try:
            await self._store.get(Key(*_NAMESPACE, "", name))
        except NotFound as error:
            raise MissingNamespace(name) from error

    def _shown(self, item: Object, target: Target) -> Object:
        """The object, or its Scale."""
        if target.subresource == "scale" and target.kind.scale is not None:
            return scale_of(item, target.kind.scale)
        return item


async def _retried(attempt: Callable[[], Awaitable[Written]]) -> Written:
    """The attempt's result, made anew where somebody else wrote meanwhile; what the caller itself got wrong is not."""
    for _ in range(UPDATE_TRIES - 1):
        try:
            return await attempt()
        except (FailedPrecondition, FieldConflict):
            raise
        except Conflict:
            continue
    return await attempt()


def _at(item: Object, version: str | None) -> Object:
    """The object of a dry run, which makes no version: that of what is stored, None where nothing is."""
    metadata = {name: value for name, value in item["metadata"].items() if name != "resourceVersion"}
    return {**item, "metadata": metadata | ({} if version is None else {"resourceVersion": version})}


def _identity(old: Object) -> Object:
    """What makes a write one of this very object in this very state."""
    return {name: old["metadata"][name] for name in ("uid", "resourceVersion")}
