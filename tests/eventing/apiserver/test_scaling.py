"""The `scale` subresource."""

from typing import Any

import pytest

from eventing.apiserver.scaling import scale_of, scaled
from eventing.errors import InvalidResource
from eventing.resources.kind import Scale

SCALE = Scale(".spec.consumers", ".status.consumers", ".status.selector")
ITEM: dict[str, Any] = {
    "metadata": {"name": "k", "namespace": "demo", "uid": "1", "resourceVersion": "5", "generation": 2},
    "spec": {"consumers": 3, "topics": ["a"]},
    "status": {"consumers": 2, "selector": "app=x"},
}


def test_a_scale_shows_the_objects_numbers() -> None:
    """And as much of its metadata as names it."""
    assert scale_of(ITEM, SCALE) == {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {"name": "k", "namespace": "demo", "uid": "1", "resourceVersion": "5"},
        "spec": {"replicas": 3},
        "status": {"replicas": 2, "selector": "app=x"},
    }


def test_what_the_object_does_not_say_is_zero() -> None:
    """A selector is left out, or has no path at all."""
    bare = {"metadata": {"name": "k"}}
    assert scale_of(bare, SCALE)["status"] == {"replicas": 0}
    assert scale_of(ITEM, Scale(".spec.consumers", ".status.consumers"))["status"] == {"replicas": 2}


def test_a_scale_changes_one_number() -> None:
    """The rest stays; the version is the Scale's, or none."""
    changed = scaled(ITEM, SCALE, {"spec": {"replicas": 7}, "metadata": {"resourceVersion": "4"}})
    assert changed["spec"] == {"consumers": 7, "topics": ["a"]}
    assert changed["metadata"]["resourceVersion"] == "4"
    assert "resourceVersion" not in scaled(ITEM, SCALE, {"spec": {"replicas": 7}})["metadata"]
    assert scaled(ITEM, SCALE, {})["spec"]["consumers"] == 0
    assert ITEM["spec"]["consumers"] == 3


@pytest.mark.parametrize("given", [{"spec": {"replicas": -1}}, {"spec": {"replicas": "x"}}, []])
def test_what_is_no_scale_is_refused(given: Any) -> None:
    """Negative numbers, and what is none."""
    with pytest.raises(InvalidResource):
        scaled(ITEM, SCALE, given)
