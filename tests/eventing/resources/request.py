"""Objects to be admitted, what is stored of them, and what is wrong with them, for the tests of kinds."""

from typing import Any

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Kind
from eventing.resources.subscribable import CONTROLLER

BY_CONTROLLER = Context(user=CONTROLLER)


def of_kind(kind: Kind, spec: dict[str, Any] | None = None, **annotations: str) -> Object:
    """An object of that kind."""
    metadata = {"name": "x", "namespace": "demo", "annotations": annotations}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec or {}}


def admitted(kind: Kind, item: Object, old: Object | None = None, context: Context | None = None) -> Object:
    """What is stored for it."""
    return admit(kind.served, item, old=old, context=context or Context()).item


def faults(kind: Kind, item: Object, old: Object | None = None, context: Context | None = None) -> list[str]:
    """What is wrong with it."""
    with pytest.raises(InvalidResource) as caught:
        admitted(kind, item, old, context)
    return [str(error) for error in caught.value.errors]
