"""The namespaces that are there from the start, as in a cluster with Knative."""

from typing import Final

from eventing.errors import AlreadyExists
from eventing.resources.admission import admit
from eventing.resources.broker_default import SYSTEM_NAMESPACE
from eventing.resources.core import NAMESPACE
from eventing.resources.kind import Context
from eventing.store.contract import Store

NAMESPACES: Final = ("default", SYSTEM_NAMESPACE)


async def create_namespaces(store: Store) -> None:
    """Make those that are not there."""
    for name in NAMESPACES:
        item = {"apiVersion": NAMESPACE.api_version, "kind": NAMESPACE.name, "metadata": {"name": name}}
        try:
            await store.create(admit(NAMESPACE.served, item, context=Context()).item)
        except AlreadyExists:
            continue
