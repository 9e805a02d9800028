"""What admission knows from the store's ConfigMaps."""

from eventing.apiserver.configuration import StoredConfiguration
from eventing.resources.broker_default import DEFAULTS_KEY
from eventing.resources.kind import Context
from tests.eventing.store.memory_store import MemoryStore


def defaults(text: str) -> dict[str, object]:
    metadata = {"name": DEFAULTS_KEY.name, "namespace": DEFAULTS_KEY.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"default-br-config": text}}


async def test_without_config_maps_the_defaults_are_the_servers() -> None:
    """And the user is who asks."""
    assert await StoredConfiguration(MemoryStore(), Context()).context_of("jane") == Context(user="jane")


async def test_config_maps_are_read_anew_at_each_write() -> None:
    """What an operator changes holds for the next object."""
    store = MemoryStore()
    configuration = StoredConfiguration(store, Context())
    await store.create(defaults("clusterDefault:\n  brokerClass: Kafka\n"))
    assert (await configuration.context_of("jane")).broker_defaults != Context().broker_defaults


async def test_a_config_map_that_cannot_be_read_counts_as_absent() -> None:
    """Or a slip of the pen would refuse every write."""
    store = MemoryStore()
    await store.create(defaults("]"))
    assert await StoredConfiguration(store, Context()).context_of("jane") == Context(user="jane")
