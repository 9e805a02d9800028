"""Server-side apply."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.patch.fault import MalformedPatch
from eventing.patch.field_set import fields_of, shown_path
from eventing.patch.json_value import DEPTH_MAX
from eventing.patch.last_applied import ANNOTATION
from eventing.patch.managed_field import Manager, after_update, entries_of, unmanaged
from eventing.patch.server_side_apply import BEFORE, ApplyConflict, apply
from eventing.resources.admission import object_node
from eventing.resources.core import CONFIG_MAP
from eventing.resources.schema import INT32, STRING, array, mapping, record

PORT = record({"name": STRING, "port": INT32, "protocol": STRING})
NODE = record(
    {
        "metadata": object_node(CONFIG_MAP.served.version).properties["metadata"],
        "spec": record(
            {
                "a": INT32,
                "b": INT32,
                "map": mapping(STRING),
                "inner": record({"x": INT32, "y": INT32}),
                "ports": array(PORT, list_type="map", list_keys=("port",)),
                "names": array(STRING, list_type="set"),
                "plain": array(STRING),
            }
        ),
        "status": record({"ready": STRING}),
    }
)
Item = dict[str, Any]


def wanted(**spec: Any) -> Item:
    return {"metadata": {"name": "x"}, "spec": spec}


def manager(name: str = "one", time: str = "T1", subresource: str = "") -> Manager:
    return Manager(name, "v1", time, subresource)


def applied(live: Item | None, spec: Item, name: str = "one", *, is_forced: bool = False) -> Item:
    return apply(live, wanted(**spec), manager(name), NODE, is_forced=is_forced)


def updated(live: Item, spec: Item, name: str = "two") -> Item:
    item = {**live, "spec": spec}
    managed = after_update(live, item, manager(name), NODE)
    return {**item, "metadata": {**item["metadata"], "managedFields": managed}}


def owners(item: Item) -> dict[str, list[str]]:
    entries = entries_of(item["metadata"].get("managedFields"))
    return {identity.manager: sorted(map(shown_path, entry.fields)) for identity, entry in entries.items()}


def test_the_first_apply_makes_the_object_and_owns_it() -> None:
    """Nulls are not wanted, and not owned."""
    made = applied(None, {"a": 1, "b": None, "map": {"k": "v"}, "plain": [{"x": None}]})
    assert made["spec"] == {"a": 1, "map": {"k": "v"}, "plain": [{}]}
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["operation"], entry["time"]) == ("Apply", "T1")
    assert owners(made) == {"one": [".spec.a", ".spec.map.k", ".spec.plain"]}


def test_nothing_that_was_given_changes() -> None:
    """Neither the object nor what is wanted."""
    live, change = applied(None, {"map": {"k": "v"}, "names": ["a"]}), wanted(map={"l": "w"}, names=["b"])
    before = copy.deepcopy((live, change))
    apply(live, change, manager(), NODE)
    assert before == (live, change)


def test_what_is_wanted_no_longer_goes() -> None:
    """And the maps that are empty then; what nobody applied stays."""
    live = applied(None, {"a": 1, "b": 2, "inner": {"x": 1}, "map": {"k": "v", "l": "w"}})
    live = {**live, "spec": {**live["spec"], "plain": ["server"]}}
    assert applied(live, {"a": 1, "map": {"l": "w"}})["spec"] == {"a": 1, "map": {"l": "w"}, "plain": ["server"]}


def test_what_nobody_owns_stays_beside_what_goes() -> None:
    """An annotation that admission wrote outlives the one that was applied beside it."""
    live = apply(None, {"metadata": {"annotations": {"a": "1"}}}, manager(), NODE)
    live["metadata"]["annotations"]["creator"] = "somebody"
    assert apply(live, {"metadata": {}}, manager(), NODE)["metadata"] == {"annotations": {"creator": "somebody"}}


def test_metadata_is_never_lost() -> None:
    """A name stays when the last label that was applied goes."""
    live = apply(None, {"metadata": {"name": "x", "labels": {"l": "1"}}, "spec": {}}, manager(), NODE)
    left = apply(live, {"metadata": {"name": "x"}}, manager(), NODE)
    assert left == {"metadata": {"name": "x"}}


def test_a_field_that_another_owns_is_a_conflict() -> None:
    """All of them are told, by whom and where."""
    live = updated(applied(None, {"a": 1, "map": {"k": "v"}}), {"a": 1, "map": {"k": "v"}, "b": 2})
    with pytest.raises(ApplyConflict) as caught:
        applied(live, {"a": 5, "b": 6, "map": {"k": "w"}}, "three")
    assert caught.value.causes == (
        ('"one"', ".spec.a"),
        ('"one"', ".spec.map.k"),
        ('"two" using v1', ".spec.b"),
    )
    assert str(caught.value) == (
        'Apply failed with 3 conflicts: conflicts with "one":\n- .spec.a\n- .spec.map.k\n'
        'conflicts with "two" using v1:\n- .spec.b'
    )
    with pytest.raises(ApplyConflict, match=r'^Apply failed with 1 conflict: conflict with "one": \.spec\.a$'):
        applied(live, {"a": 5}, "three")


def test_force_takes_what_others_own() -> None:
    """They own it no longer."""
    taken = applied(applied(None, {"a": 1, "b": 2}), {"a": 5}, "two", is_forced=True)
    assert taken["spec"] == {"a": 5, "b": 2}
    assert owners(taken) == {"one": [".spec.b"], "two": [".spec.a"]}


def test_the_same_value_is_no_conflict() -> None:
    """Both own it then, and it stays until both have left it. Who wrote nothing has no time."""
    live = applied(applied(None, {"a": 1, "b": 2}), {"b": 2}, "two")
    assert owners(live) == {"one": [".spec.a", ".spec.b"], "two": [".spec.b"]}
    assert ["two", "one"] == [entry["manager"] for entry in live["metadata"]["managedFields"]]
    assert "time" not in live["metadata"]["managedFields"][0]
    left = applied(live, {"a": 1})
    assert left["spec"] == {"a": 1, "b": 2}
    assert applied(left, {}, "two")["spec"] == {"a": 1}


def test_items_of_lists_are_merged_by_their_keys() -> None:
    """Each manager has its own items, and its own parts of those of others."""
    live = applied(None, {"ports": [{"port": 80, "name": "x"}]})
    live = applied(live, {"ports": [{"port": 443}, {"port": 80, "protocol": "TCP"}]}, "two")
    assert live["spec"]["ports"] == [{"port": 443}, {"port": 80, "name": "x", "protocol": "TCP"}]
    left = applied(live, {"ports": []})
    assert left["spec"]["ports"] == [{"port": 443}, {"port": 80, "protocol": "TCP"}]
    assert applied(left, {"a": 1}, "two")["spec"] == {"a": 1}


def test_sets_are_joined() -> None:
    """Each manager has its own items."""
    live = applied(applied(None, {"names": ["a", "b"]}), {"names": ["b", "c"]}, "two")
    assert live["spec"]["names"] == ["a", "b", "c"]
    assert applied(live, {"names": ["a"]})["spec"]["names"] == ["a", "b", "c"]
    assert applied(live, {}, "two")["spec"]["names"] == ["a", "b"]


def test_atomic_lists_are_replaced() -> None:
    """They are one value."""
    live = applied(None, {"plain": ["a", "b"]})
    assert applied(live, {"plain": ["c"]})["spec"]["plain"] == ["c"]
    with pytest.raises(ApplyConflict):
        applied(live, {"plain": ["b", "a"]}, "two")


def test_a_status_is_applied_through_its_subresource_alone() -> None:
    """And nothing else is: each passes over what is the other's."""
    change = {"metadata": {"name": "x", "labels": {"l": "1"}}, "spec": {"a": 1}, "status": {"ready": "yes"}}
    live = apply(None, {**change, "apiVersion": "v1", "kind": "X"}, manager(), NODE)
    assert "status" not in live
    live = apply(
        live,
        {"metadata": {"name": "x"}, "spec": {"a": 2}, "status": change["status"]},
        manager(subresource="status"),
        NODE,
    )
    assert (live["spec"], live["status"]) == ({"a": 1}, {"ready": "yes"})
    assert [[".metadata.labels.l", ".spec.a"], [".status.ready"]] == [
        sorted(map(shown_path, entry.fields)) for entry in entries_of(live["metadata"]["managedFields"]).values()
    ]
    with pytest.raises(ApplyConflict, match=r'with "one" with subresource "status": \.status\.ready$'):
        apply(live, {"status": {"ready": "no"}}, manager("two", subresource="status"), NODE)


def test_an_object_whose_owners_are_forgotten_gets_one() -> None:
    """It stands for whoever was before the first apply."""
    live = applied({"metadata": {"name": "x"}, "spec": {"a": 1, "b": 1}}, {"a": 1})
    assert owners(live) == {"one": [".spec.a"], BEFORE: [".spec", ".spec.a", ".spec.b"]}
    with pytest.raises(ApplyConflict, match=f'"{BEFORE}" using v1'):
        applied(live, {"b": 2})


def test_what_kubectl_applied_by_itself_is_no_conflict_for_it() -> None:
    """And the annotation says what is applied. For others it is one."""
    annotation = json.dumps({"apiVersion": "v1", "spec": {"a": 1}})
    item = {"metadata": {"name": "x", "annotations": {ANNOTATION: annotation}}, "spec": {"a": 1, "b": 1}}
    managed = after_update(None, item, manager("kubectl-client-side-apply"), NODE)
    live = {**item, "metadata": {**item["metadata"], "managedFields": managed}}
    taken = applied(live, {"a": 2}, "kubectl")
    assert taken["spec"] == {"a": 2, "b": 1}
    assert json.loads(taken["metadata"]["annotations"][ANNOTATION]) == wanted(a=2)
    with pytest.raises(ApplyConflict, match=r"1 conflict: .*\.spec\.b"):
        applied(live, {"a": 2, "b": 2}, "kubectl")
    with pytest.raises(ApplyConflict, match=r"1 conflict: .*\.spec\.a"):
        applied(live, {"a": 2}, "other")


@pytest.mark.parametrize("managed", [[], [{"manager": "x"}]])
def test_owners_are_the_servers_to_write(managed: list[Any]) -> None:
    """Even none."""
    with pytest.raises(MalformedPatch, match=r"^metadata\.managedFields must be nil$"):
        apply(None, {"metadata": {"managedFields": managed}}, manager(), NODE)


def test_depth_has_a_bound() -> None:
    """What would end a recursion is refused before it begins."""
    deep: Item = {}
    for _ in range(DEPTH_MAX + 1):
        deep = {"a": deep}
    with pytest.raises(MalformedPatch, match="nested too deep"):
        apply(None, deep, manager(), NODE)


def test_a_manager_who_wants_nothing_has_no_entry() -> None:
    """Nor does one that wants what is the server's."""
    assert apply(None, {"metadata": {"name": "x"}}, manager(), NODE) == {"metadata": {"name": "x"}}
    assert apply(None, {}, manager(), NODE) == {"metadata": {}}


SPEC = st.fixed_dictionaries(
    {},
    optional={
        "a": st.integers(0, 2),
        "map": st.dictionaries(st.sampled_from("kl"), st.sampled_from("vw"), min_size=1),
        "inner": st.fixed_dictionaries({}, optional={"x": st.integers(0, 2), "y": st.integers(0, 2)}).filter(bool),
        "names": st.lists(st.sampled_from("pqr"), unique=True, min_size=1),
        "plain": st.lists(st.sampled_from("pqr"), max_size=2),
        "ports": st.lists(
            st.fixed_dictionaries({"port": st.integers(0, 3)}, optional={"name": st.sampled_from("vw")}),
            unique_by=lambda port: port["port"],
            min_size=1,
        ),
    },
).filter(bool)


@given(first=SPEC, second=SPEC)
def test_one_manager_gets_exactly_what_it_wants(first: Item, second: Item) -> None:
    """Whatever it wanted before: a field that is left out is removed."""
    assert unmanaged(applied(applied(None, first), second)) == wanted(**second)


@given(first=SPEC, second=SPEC)
def test_applying_twice_is_applying_once(first: Item, second: Item) -> None:
    """Owners and times, too."""
    live = applied(applied(None, first, "other"), second, is_forced=True)
    assert live == apply(live, wanted(**second), manager(time="T2"), NODE)


@given(first=SPEC, second=SPEC)
def test_applies_that_do_not_touch_commute(first: Item, second: Item) -> None:
    """Who comes first makes no difference to the fields, nor to their owners."""
    second = {name: value for name, value in second.items() if name not in first} or {"b": 1}
    forth = applied(applied(None, first), second, "two")
    back = applied(applied(None, second, "two"), first)
    assert (forth["spec"], owners(forth)) == (back["spec"], owners(back))


@given(first=SPEC, second=SPEC)
def test_a_manager_who_leaves_takes_only_what_is_its_own(first: Item, second: Item) -> None:
    """What the other applied is there afterwards, all of it."""
    try:
        live = applied(applied(None, first), second, "two")
    except ApplyConflict:
        return
    left = applied(live, {}, "two")
    assert fields_of(left["spec"], NODE.properties["spec"]) == fields_of(first, NODE.properties["spec"])
    assert owners(left) == owners(applied(None, first)) | {"two": [".spec"]}


@given(first=SPEC, second=SPEC)
def test_after_a_force_there_is_no_conflict(first: Item, second: Item) -> None:
    """The manager owns all that it applied."""
    live = applied(applied(None, first), second, "two", is_forced=True)
    assert live["spec"] == applied(live, second, "two")["spec"]
    mine = set(map(shown_path, fields_of({"spec": second}, NODE)))
    assert mine == set(owners(live)["two"])
