"""Who owns which fields after a write."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.patch.field_set import fields_of, from_fields_v1
from eventing.patch.managed_field import (
    ANCIENT,
    UPDATES_MAX,
    Entry,
    Identity,
    Manager,
    after_update,
    entries_of,
    owned,
    unmanaged,
    written,
)
from eventing.resources.admission import object_node
from eventing.resources.broker import BROKER
from eventing.resources.core import CONFIG_MAP

NODE = object_node(BROKER.served.version)
CORE = object_node(CONFIG_MAP.served.version)
V1 = "eventing.knative.dev/v1"
RETRY = {"f:spec": {"f:delivery": {"f:retry": {}}}}


def item(*, managed: Any = None, status: Any = None, **spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"apiVersion": V1, "kind": "Broker", "metadata": {"name": "b", "uid": "1"}, "spec": spec}
    if managed is not None:
        found["metadata"]["managedFields"] = managed
    return found if status is None else {**found, "status": status}


def manager(name: str = "kubectl", time: str = "T1", subresource: str = "", version: str = V1) -> Manager:
    return Manager(name, version, time, subresource)


def who(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in entries}


def created(**spec: Any) -> dict[str, Any]:
    made = item(**spec)
    return item(managed=after_update(None, made, manager(), NODE), **spec)


def test_who_creates_owns_everything_but_what_is_the_servers() -> None:
    """Names, uids and the like are nobody's; a status is not written by a creation."""
    made = item(delivery={"retry": 1}, status={"address": {"url": "x"}})
    made["metadata"]["labels"] = {"a": "1"}
    before = copy.deepcopy(made)
    assert after_update(None, made, manager(), NODE) == [
        {
            "manager": "kubectl",
            "operation": "Update",
            "apiVersion": V1,
            "time": "T1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                "f:spec": {".": {}, "f:delivery": {".": {}, "f:retry": {}}},
            },
        }
    ]
    assert before == made


def test_who_changes_a_field_takes_it_from_the_others() -> None:
    """The others keep what is theirs; what is gone is nobody's, and an entry without fields goes."""
    first = created(delivery={"retry": 1, "timeout": "PT1S"})
    second = item(delivery={"retry": 2, "timeout": "PT1S"})
    managed = after_update(first, second, manager("kn", "T2"), NODE)
    kubectls = {"f:spec": {".": {}, "f:delivery": {".": {}, "f:timeout": {}}}}
    assert who(managed) == {"kubectl": kubectls, "kn": RETRY}
    third = after_update(item(managed=managed, **second["spec"]), item(), manager("other", "T3"), NODE)
    assert who(third) == {"kubectl": {"f:spec": {}}}
    bare = {key: value for key, value in item().items() if key != "spec"}
    assert after_update(item(managed=third), bare, manager("other", "T4"), NODE) == []


def test_a_time_changes_when_something_is_written() -> None:
    """Not where nothing is, nor where something is only removed."""
    first = created(delivery={"retry": 1, "timeout": "PT1S"})
    managed = first["metadata"]["managedFields"]
    assert managed == after_update(first, first, manager(time="T2"), NODE)
    assert managed == after_update(first, first, manager("kn", "T2"), NODE)
    (removed,) = after_update(first, item(delivery={"retry": 1}), manager(time="T2"), NODE)
    assert removed["time"] == "T1"
    (changed,) = after_update(first, item(delivery={"retry": 2}), manager(time="T2"), NODE)
    assert changed["time"] == "T2"


def test_a_status_has_owners_of_its_own() -> None:
    """They are told apart by their subresource, and neither takes anything from the other."""
    old = created(delivery={"retry": 1})
    new = item(status={"address": {"url": "x"}}, delivery={"retry": 2})
    entries = after_update(old, new, manager(subresource="status"), NODE)
    assert ["", "status"] == [entry.get("subresource", "") for entry in entries]
    assert entries[0] == old["metadata"]["managedFields"][0]
    assert entries[1]["fieldsV1"] == {"f:status": {".": {}, "f:address": {".": {}, "f:url": {}}}}
    shown = {**new, "metadata": {**new["metadata"], "managedFields": entries}}
    assert entries == after_update(shown, item(delivery={"retry": 2}), manager(time="T2"), NODE)


def test_versions_and_nameless_managers_have_entries_of_their_own() -> None:
    """Who does not say who it is, is unknown."""
    entries = after_update(created(delivery={}), item(delivery={"retry": 1}), manager("", version="v2"), NODE)
    assert [("kubectl", V1), ("unknown", "v2")] == [(entry["manager"], entry["apiVersion"]) for entry in entries]


def test_owners_can_be_forgotten_by_an_empty_entry() -> None:
    """Nobody is remembered until somebody applies; an empty list alone tells nothing, as many clients send it."""
    old = created(delivery={"retry": 1})
    assert after_update(old, item(managed=[{}], delivery={"retry": 2}), manager(), NODE) == []
    assert after_update(item(delivery={"retry": 1}), item(delivery={"retry": 2}), manager(), NODE) == []
    assert len(after_update(old, item(managed=[], delivery={"retry": 2}), manager("kn"), NODE)) == 2
    assert len(after_update(None, item(managed=[{}], delivery={"retry": 2}), manager("kn"), NODE)) == 1


def test_owners_of_core_kinds_can_be_forgotten_by_an_empty_list() -> None:
    """There Kubernetes tells it from none."""
    made = {"metadata": {"name": "c"}, "data": {"a": "1"}}
    entries = after_update(None, made, manager(version="v1"), CORE)
    old = {**made, "metadata": {"name": "c", "managedFields": entries}}
    new = {**made, "metadata": {"name": "c", "managedFields": []}}
    assert after_update(old, new, manager(version="v1"), CORE) == []


def test_a_client_may_write_who_owns_what() -> None:
    """But not through a subresource, and not in a form that cannot be read."""
    old = created(delivery={"retry": 1})
    entry = {"manager": "x", "operation": "Apply", "apiVersion": V1, "fieldsType": "FieldsV1", "fieldsV1": RETRY}
    new = item(managed=[entry], delivery={"retry": 1})
    assert [entry] == after_update(old, new, manager(), NODE)
    kept = old["metadata"]["managedFields"]
    assert kept == after_update(old, new, manager(subresource="status"), NODE)
    assert kept == after_update(old, item(managed=[{**entry, "fieldsV1": 1}], delivery={"retry": 1}), manager(), NODE)


VALID = {"manager": "m", "operation": "Update", "apiVersion": V1, "fieldsType": "FieldsV1", "fieldsV1": RETRY}


@pytest.mark.parametrize(
    "listed",
    [
        "x",
        ["x"],
        [{}],
        [{**VALID, "operation": "Other"}],
        [{**VALID, "apiVersion": ""}],
        [{**VALID, "apiVersion": 1}],
        [{**VALID, "fieldsType": "FieldsV2"}],
        [{**VALID, "manager": 1}],
        [{**VALID, "time": None}],
        [{**VALID, "subresource": []}],
        [VALID, {**VALID, "fieldsV1": {"x": {}}}],
    ],
)
def test_managed_fields_are_read_as_a_whole_or_not_at_all(listed: Any) -> None:
    """One entry that cannot be understood makes all of them worthless."""
    assert entries_of(listed) == {}


def test_an_entry_is_read_as_it_was_written() -> None:
    """Those of appliers come first, then the older."""
    listed = [
        {**VALID, "operation": "Apply", "time": "T3", "subresource": "status"},
        {**VALID, "time": "T1", "manager": "z"},
        {**VALID, "time": "T2", "manager": "a"},
    ]
    entries = entries_of(listed[::-1])
    assert listed == written(entries)
    fields = from_fields_v1(RETRY)
    assert Entry(fields, V1, "T1") == entries[Identity("z", "Update", V1, "")]
    assert Entry(fields, V1, "T3") == entries[Identity("m", "Apply", "", "status")]


def test_a_manager_is_named_as_kubernetes_names_it() -> None:
    """With the version where it updates."""
    assert str(manager().identity("Apply")) == '"kubectl"'
    assert str(manager(subresource="status").identity("Apply")) == '"kubectl" with subresource "status"'
    assert str(manager().identity("Update")) == f'"kubectl" using {V1}'


def test_the_oldest_updates_of_a_version_become_one() -> None:
    """So that their number is bounded; who applies stays, and no field is lost."""
    applier = {**VALID, "operation": "Apply", "manager": "applier", "time": "T99", "fieldsV1": {"f:x": {}}}
    updates = [
        {**VALID, "manager": f"m{n}", "time": f"T{n:02}", "fieldsV1": {"f:y": {f"f:{n}": {}}}} for n in range(13)
    ]
    updates[0]["apiVersion"] = "v2"
    old = item(managed=[applier, *updates])
    entries = after_update(old, item(managed=[applier, *updates], delivery={"retry": 1}), manager(time="T50"), NODE)
    assert len(entries) == UPDATES_MAX + 1
    assert ["applier", "m0", ANCIENT, "m6"] == [entry["manager"] for entry in entries[:4]]
    assert entries[2]["time"] == "T05"
    assert list(entries[2]["fieldsV1"]["f:y"]) == [f"f:{n}" for n in (1, 2, 3, 4, 5)]


def test_updates_of_many_versions_stay_apart() -> None:
    """There is nothing to join them in."""
    updates = [{**VALID, "apiVersion": f"v{n}", "time": f"T{n:02}", "fieldsV1": {f"f:{n}": {}}} for n in range(12)]
    entries = after_update(item(managed=updates), item(), manager(), NODE)
    assert [f"v{n}" for n in range(12)] == [entry["apiVersion"] for entry in entries]


def test_an_object_without_managed_fields_is_itself() -> None:
    """Whatever its metadata are."""
    assert unmanaged(item(managed=[])) == item()
    assert unmanaged({"metadata": "text"}) == {"metadata": "text"}


SPECS = st.fixed_dictionaries(
    {},
    optional={"delivery": st.fixed_dictionaries({}, optional={"retry": st.integers(0, 2), "timeout": st.just("PT1S")})},
)


@given(st.lists(st.tuples(st.sampled_from("ab"), SPECS), max_size=5))
def test_every_field_has_exactly_one_owner(history: list[tuple[str, dict[str, Any]]]) -> None:
    """As long as nobody applies: who wrote it last."""
    live = created()
    for name, spec in history:
        live = item(managed=after_update(live, item(**spec), manager(name), NODE), **spec)
    entries = entries_of(live["metadata"].get("managedFields"))
    leaves = owned(fields_of(unmanaged(live), NODE))
    assert all(sum(leaf in entry.fields for entry in entries.values()) == 1 for leaf in leaves)
