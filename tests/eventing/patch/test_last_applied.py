"""The way from kubectl's client-side apply to its server-side one."""

import json
from typing import Any

import pytest

from eventing.patch.field_set import shown_path
from eventing.patch.json_value import DEPTH_MAX
from eventing.patch.last_applied import ANNOTATION, fields_last_applied, with_last_applied
from eventing.resources.admission import object_node
from eventing.resources.core import CONFIG_MAP

NODE = object_node(CONFIG_MAP.served.version)


def live(text: Any, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": {ANNOTATION: text}}, "data": data}


def test_what_still_is_as_it_was_applied_is_kubectls() -> None:
    """What has another value, or is gone, is not."""
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1", "b": "1", "c": "1"}}
    found = fields_last_applied(live(json.dumps(applied), a="1", b="2", d="1"), "v1", NODE)
    assert [".apiVersion", ".data.a", ".kind"] == sorted(map(shown_path, found))


@pytest.mark.parametrize(
    "text",
    [
        None,
        1,
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"data":{"a":"1"}}',
        '{"apiVersion":"v2","data":{"a":"1"}}',
        '{"apiVersion":"v1","data":' + '{"a":' * DEPTH_MAX + "1" + "}" * DEPTH_MAX + "}",
    ],
)
def test_what_cannot_be_read_says_nothing(text: Any) -> None:
    """Nor does what was applied in another version."""
    assert fields_last_applied(live(text, a="1"), "v1", NODE) == frozenset()


def test_an_object_without_annotations_says_nothing() -> None:
    """And gets none."""
    for item in ({}, {"metadata": {"annotations": "text"}}, {"metadata": {"annotations": {ANNOTATION: ""}}}):
        assert fields_last_applied(item, "v1", NODE) == frozenset()
        assert item == with_last_applied(item, {"metadata": {}})


def test_the_annotation_says_what_was_applied_last() -> None:
    """Without itself, and in the form that kubectl writes."""
    wanted = {"metadata": {"name": "x", "annotations": {ANNOTATION: "old", "b": "<"}}, "data": {"a": "2"}}
    item = with_last_applied(live("old", a="2"), wanted)
    expected = '{"data":{"a":"2"},"metadata":{"annotations":{"b":"\\u003c"},"name":"x"}}\n'
    assert expected == item["metadata"]["annotations"][ANNOTATION]
    bare = with_last_applied(live("old"), {"metadata": {"name": "x", "annotations": {ANNOTATION: "old"}}})
    assert bare["metadata"]["annotations"][ANNOTATION] == '{"metadata":{"name":"x"}}\n'
