"""Events of Kubernetes: rules and columns."""

from typing import Any

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.core_event import EVENT
from eventing.resources.identity import Object
from eventing.resources.kind import Context


def event(**fields: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "x", "namespace": "demo"}, **fields}


def printed(item: Object) -> tuple[str, ...]:
    return tuple(column.cell(item) for column in EVENT.columns if column.cell)


def test_an_event_is_in_the_namespace_of_its_object() -> None:
    """An object of the cluster has none."""
    for involved in ({"kind": "Broker", "namespace": "demo"}, {"kind": "Namespace"}):
        item = event(involvedObject=involved)
        assert admit(EVENT.served, item, context=Context()).item == item


@pytest.mark.parametrize(
    ("fields", "path"),
    [({}, "involvedObject"), ({"involvedObject": {"namespace": "other"}}, "involvedObject.namespace")],
)
def test_what_is_wrong_is_told(fields: dict[str, Any], path: str) -> None:
    """One fault, at its path."""
    with pytest.raises(InvalidResource) as caught:
        admit(EVENT.served, event(**fields), context=Context())
    assert [error.path for error in caught.value.errors] == [path]


def test_columns_are_those_of_kubernetes() -> None:
    """Object, source and message."""
    assert printed(event(involvedObject={})) == ("", "", "")
    item = event(
        involvedObject={"kind": "Broker", "name": "default"},
        source={"component": "controller", "host": "h"},
        message="All is well\n",
    )
    assert printed(item) == ("broker/default", "controller, h", "All is well")
    assert printed(event(involvedObject={"kind": "Broker"}, reportingComponent="c")) == ("broker", "c", "")
