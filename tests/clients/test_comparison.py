from typing import Any

import pytest

from tests.clients.comparison import ABSENT, Difference, compare


def found(recorded: Any, answered: Any, *, is_defaulted: bool = True) -> list[tuple[str, Any, Any]]:
    return [(one.path, one.recorded, one.answered) for one in compare(recorded, answered, is_defaulted=is_defaulted)]


def test_what_is_missing_added_or_other_is_told_by_its_path() -> None:
    recorded = {"a": {"b": 1, "c": 2}}
    assert [("a.b", 1, 3), ("a.c", 2, ABSENT), ("d", ABSENT, 4)] == found(recorded, {"a": {"b": 3}, "d": 4})


@pytest.mark.parametrize(
    ("recorded", "answered"),
    [
        ({"resourceVersion": "RV"}, {"resourceVersion": "7"}),
        ({"uid": "UID"}, {"uid": "1"}),
        ({"creationTimestamp": "TIME"}, {"creationTimestamp": "2026-01-01T00:00:00Z"}),
        ({"url": "http://a.ns.svc.cluster.local/x"}, {"url": "http://127.0.0.1:80/x"}),
        ({"name": "a"}, {"name": "a", "managedFields": []}),
    ],
)
def test_what_is_each_servers_own_is_no_difference(recorded: Any, answered: Any) -> None:
    """Whatever its value is."""
    assert [] == found({"metadata": recorded}, {"metadata": answered})


def test_objects_conditions_and_columns_are_found_by_their_names() -> None:
    """Order is no difference, and what has no name is found by its place."""
    recorded = {"items": [{"metadata": {"name": "a"}, "n": 1}, {"metadata": {"name": "b"}, "n": 2}], "l": [1, 2]}
    answered = {"items": [{"metadata": {"name": "b"}, "n": 2}, {"metadata": {"name": "a"}, "n": 3}], "l": [2, 1]}
    assert [("items[a].n", 1, 3), ("l[0]", 1, 2), ("l[1]", 2, 1)] == found(recorded, answered)
    assert [] == found({"verbs": ["get", "list"]}, {"verbs": ["list", "get"]})


def test_what_a_webhook_would_have_filled_in_may_be_filled_in() -> None:
    """Where no webhook ran: ours may say more in spec, status and annotations, and nowhere else."""
    recorded: dict[str, Any] = {"metadata": {"annotations": {}}, "spec": {"a": 1}}
    answered = {"metadata": {"annotations": {"x": "y"}, "z": 1}, "spec": {"a": 1, "b": 2}, "status": {}}
    assert [("metadata.z", ABSENT, 1)] == found(recorded, answered, is_defaulted=False)
    assert 4 == len(found(recorded, answered))


def test_a_server_that_is_ready_sooner_is_none_the_worse() -> None:
    """And one that is not ready where the recorded one was, is."""

    def status(ready: str) -> dict[str, Any]:
        return {"status": {"conditions": [{"type": "Ready", "status": ready}]}}

    assert [] == found(status("Unknown"), status("True"))
    assert [("status.conditions[Ready].status", "True", "Unknown")] == found(status("True"), status("Unknown"))


def test_a_row_is_compared_by_its_columns_names_without_its_age() -> None:
    """A column that only one server has is a difference of its own."""

    def table(names: list[str], cells: list[Any]) -> dict[str, Any]:
        columns = [{"name": name, "type": "string"} for name in names]
        return {"kind": "Table", "columnDefinitions": columns, "rows": [{"cells": cells, "object": {"kind": "x"}}]}

    left, right = table(["Name", "Age"], ["a", "5d3h"]), table(["Name", "Age"], ["a", "9s"])
    assert [] == found(left, right)
    assert [("rows[0].cells.Name", "a", "b")] == found(left, table(["Name", "Age"], ["b", "9s"]))


def test_of_discovery_only_our_groups_are_compared() -> None:
    """And of the core group, whose name is empty, the kinds that Knative refers to."""

    def discovered(*names: str, core: str) -> dict[str, Any]:
        items = [{"metadata": {"name": name}, "versions": []} for name in names]
        group = {"metadata": {}, "versions": [{"version": "v1", "resources": [{"resource": core}]}]}
        return {"kind": "APIGroupDiscoveryList", "items": [*items, group]}

    assert [] == found(discovered("apps", "a.knative.dev", core="pods"), discovered("a.knative.dev", core="nodes"))
    assert 2 == len(found(discovered("a.knative.dev", core="secrets"), discovered(core="pods")))


@pytest.mark.parametrize("text", ["", "k8s\x00...", "(7 bytes, not kept) {"])
def test_what_was_not_kept_or_is_protobuf_cannot_be_compared(text: str) -> None:
    assert [] == compare(text, {"any": "thing"}, is_defaulted=True)


def test_a_plain_text_is_compared_whole() -> None:
    """Clients tell an unknown path by it."""
    assert [] == compare("404 page not found\n", "404 page not found", is_defaulted=True)
    assert [Difference("", "404 page not found", {})] == compare("404 page not found", {}, is_defaulted=True)


def test_an_index_of_documents_must_have_ours() -> None:
    recorded = '{"paths":{"apis/apps/v1":{},"apis/eventing.knative.dev/v1":{}}}'
    assert [] == compare(recorded, {"paths": {"apis/eventing.knative.dev/v1": {}}}, is_defaulted=True)
    assert [Difference("paths.apis/eventing.knative.dev/v1", "there", ABSENT)] == compare(
        recorded, {"paths": {}}, is_defaulted=True
    )
