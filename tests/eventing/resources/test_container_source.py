"""ContainerSource: what the recordings of `test_recorded` do not show."""

from typing import Any

import pytest

from eventing.resources.container_source import CONTAINER_SOURCE
from tests.eventing.resources.request import admitted, faults, of_kind

SINK = {"uri": "http://a/"}


def told(template: Any) -> list[str]:
    return faults(CONTAINER_SOURCE, of_kind(CONTAINER_SOURCE, {"sink": SINK, "template": template}))


def test_a_pod_template_is_kept_as_it_came() -> None:
    """Containers get a name, and what Knative's typed objects always show."""
    template = {"spec": {"containers": [{"image": "i", "x": [1]}, {"image": "j", "name": "n"}], "y": {"z": 1}}, "w": 1}
    stored = admitted(CONTAINER_SOURCE, of_kind(CONTAINER_SOURCE, {"sink": SINK, "template": template}))
    assert stored["spec"]["template"] == {
        "metadata": {},
        "spec": {
            "containers": [
                {"image": "i", "name": "x-0", "resources": {}, "x": [1]},
                {"image": "j", "name": "n", "resources": {}},
            ],
            "y": {"z": 1},
        },
        "w": 1,
    }


@pytest.mark.parametrize("template", [{}, {"spec": {}}, {"spec": {"containers": []}}])
def test_a_container_is_missing(template: dict[str, Any]) -> None:
    """In whatever way."""
    assert told(template) == ["spec.template.spec.containers: missing field(s)"]


def test_an_image_is_missing() -> None:
    """Each container has one."""
    assert told({"spec": {"containers": [{"image": "i"}, {"image": ""}, {}]}}) == [
        "spec.template.spec.containers[1].image: missing field(s)",
        "spec.template.spec.containers[2].image: missing field(s)",
    ]


def test_what_is_looked_at_has_its_type() -> None:
    """With the path down to it; nothing is filled in then."""
    assert told({"spec": {"containers": {}}}) == [
        "spec.template.spec.containers: invalid value: expected a list, got map"
    ]
    assert told({"spec": {"containers": [{"image": "i", "env": [{"name": "a", "value": 1}]}]}}) == [
        "spec.template.spec.containers[0].env[0].value: invalid value: expected a string, got number"
    ]
