"""A registry over a store, for tests of what goes through it."""

from eventing.apiserver.configuration import StoredConfiguration
from eventing.apiserver.registry import Registry
from eventing.resources.catalogue import Catalogue
from eventing.resources.kind import Context
from eventing.store.contract import Store


def registry_of(store: Store, context: Context | None = None) -> Registry:
    """As a server has it; `context` is what holds where no ConfigMap says otherwise."""
    configuration = StoredConfiguration(store, context or Context())
    return Registry(store=store, catalogue=Catalogue(), context_of=configuration.context_of)
