"""The resource side: where resources are, who may change them, and the files that bring some."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from eventing.apiserver.configuration import StoredConfiguration
from eventing.apiserver.registry import Registry
from eventing.barrier import Barrier
from eventing.reconcilers.namespace import create_namespaces
from eventing.reloader import Reloader
from eventing.resources.catalogue import Catalogue
from eventing.resources.channel_default import channel_defaults_of
from eventing.resources.kind import Context
from eventing.settings import Settings
from eventing.store.sql import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSide:
    """The store, and what stands before it."""

    store: SqlStore
    catalogue: Catalogue
    registry: Registry
    barrier: Barrier
    reloader: Reloader


async def open_resources(
    stack: AsyncExitStack, settings: Settings, *, paths: Sequence[Path], prune: bool
) -> ResourceSide:
    """Open the database that the operator names, else a file in the data folder. Raises what the store does."""
    store = await stack.enter_async_context(SqlStore(settings.resources_url, secret_key=settings.secret_key_file))
    catalogue, barrier = Catalogue(), Barrier(store)
    context = Context(channel_defaults=channel_defaults_of(settings.default_channel))
    configuration = StoredConfiguration(store, context)
    registry = Registry(store=store, catalogue=catalogue, context_of=configuration.context_of)
    reloader = Reloader(registry=registry, paths=paths, prune=prune, together=barrier.hold)
    return ResourceSide(store=store, catalogue=catalogue, registry=registry, barrier=barrier, reloader=reloader)


async def fill(resources: ResourceSide) -> None:
    """Bring what is there from the start, and what the files hold. Raises ManifestError."""
    await create_namespaces(resources.store)
    await resources.reloader.load()
