"""SinkBinding: what the recordings of `test_recorded` do not show."""

from typing import Any

from eventing.resources.sink_binding import SINK_BINDING
from tests.eventing.resources.request import admitted, faults, of_kind

SUBJECT = {"apiVersion": "apps/v1", "kind": "Deployment"}
SINK = {"uri": "http://a/"}


def told(subject: dict[str, Any]) -> list[str]:
    return faults(SINK_BINDING, of_kind(SINK_BINDING, {"sink": SINK, "subject": subject}))


def test_a_subject_is_one_of_the_namespace() -> None:
    """Whether by name or by labels."""
    for which in ({"name": "d"}, {"selector": {}}, {"name": "", "selector": {"matchLabels": {"a": "b"}}}):
        stored = admitted(SINK_BINDING, of_kind(SINK_BINDING, {"sink": SINK, "subject": {**SUBJECT, **which}}))
        assert stored["spec"]["subject"] == {**SUBJECT, **which, "namespace": "demo"}


def test_what_is_wrong_with_a_subject_is_told_at_once() -> None:
    """Each with its path."""
    assert told({"apiVersion": "a/b/c", "namespace": "other", "name": "d", "selector": {}}) == [
        "spec.subject.apiVersion: invalid value: a/b/c",
        "spec.subject.kind: missing field(s)",
        "spec.subject.name: expected exactly one, got both",
        "spec.subject.namespace: invalid value: other",
        "spec.subject.selector: expected exactly one, got both",
    ]
    assert told(SUBJECT) == [f"spec.subject.{name}: expected exactly one, got neither" for name in ("name", "selector")]
    assert told({**SUBJECT, "name": "Bad_Name"}) == ["spec.subject.name: invalid value: Bad_Name"]
    (fault,) = told({**SUBJECT, "selector": {"matchExpressions": [{"operator": "Is"}]}})
    assert fault.startswith("spec.subject.selector.matchExpressions[0].operator: invalid value")


def test_without_a_spec_all_is_missing() -> None:
    """No default is filled into what is not there."""
    item = of_kind(SINK_BINDING)
    del item["spec"]
    assert [one.partition(":")[0] for one in faults(SINK_BINDING, item)] == [
        "spec.sink.ref",
        "spec.sink.uri",
        "spec.subject.apiVersion",
        "spec.subject.kind",
        "spec.subject.name",
        "spec.subject.selector",
    ]
