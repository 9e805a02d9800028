"""The namespaces that Knative's users expect are there."""

from eventing.reconcilers.namespace import NAMESPACES, create_namespaces
from eventing.resources.core import NAMESPACE
from tests.eventing.store.memory_store import MemoryStore


async def test_they_are_made_once_and_stay_as_they_are() -> None:
    """What somebody wrote into one is kept over a restart."""
    store = MemoryStore()
    await create_namespaces(store)
    item = await store.get(NAMESPACE.key("", "default"))
    await store.update({**item, "metadata": {**item["metadata"], "labels": {"a": "b"}}})
    await create_namespaces(store)
    found = {one["metadata"]["name"]: one["metadata"] for one in (await store.list(NAMESPACE.group_kind)).items}
    assert set(NAMESPACES) == {"default", "knative-eventing"} == found.keys()
    assert "b" == found["default"]["labels"]["a"]
