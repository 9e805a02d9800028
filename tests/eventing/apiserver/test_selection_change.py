"""What watchers with selectors are told."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eventing.apiserver.selection_change import Everything, SelectionChange


def item(version: int, *, selected: bool, name: str = "a") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "demo", "resourceVersion": str(version), "labels": {"on": str(selected)}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def is_selected(one: dict[str, Any]) -> bool:
    return bool(one["metadata"]["labels"]["on"] == "True")


def test_objects_enter_stay_and_leave() -> None:
    """A watcher sees a world in which only what is selected exists."""
    told = SelectionChange(is_selected)
    assert told.type_of("ADDED", item(1, selected=False)) is None
    assert told.type_of("MODIFIED", item(2, selected=False)) is None
    assert told.type_of("MODIFIED", item(3, selected=True)) == "ADDED"
    assert told.type_of("MODIFIED", item(4, selected=True)) == "MODIFIED"
    assert told.type_of("MODIFIED", item(5, selected=False)) == "DELETED"
    assert told.type_of("DELETED", item(6, selected=False)) is None
    assert told.type_of("ADDED", item(7, selected=True)) == "ADDED"
    assert told.type_of("DELETED", item(8, selected=True)) == "DELETED"


def test_what_was_listed_is_known() -> None:
    """An object that was not selected at the beginning enters; one that was stays."""
    listed = [item(1, selected=False, name="out"), item(2, selected=True, name="in")]
    told = SelectionChange(is_selected, listed, version=2)
    assert told.type_of("MODIFIED", item(3, selected=True, name="out")) == "ADDED"
    assert told.type_of("MODIFIED", item(4, selected=True, name="in")) == "MODIFIED"


def test_what_is_not_known_is_taken_to_have_been_selected() -> None:
    """So that nobody keeps what is gone: read later than the watch began, or never read."""
    told = SelectionChange(is_selected, [item(9, selected=False, name="late")], version=5)
    assert told.type_of("MODIFIED", item(6, selected=False, name="late")) == "DELETED"
    assert told.type_of("DELETED", item(7, selected=False, name="unseen")) == "DELETED"


def test_where_nothing_enters_or_leaves_changes_are_passed_on() -> None:
    """Names do not change: there is nothing to remember."""
    told = Everything(is_selected)
    told.learn(item(1, selected=True))
    assert told.type_of("MODIFIED", item(2, selected=True)) == "MODIFIED"
    assert told.type_of("DELETED", item(3, selected=False)) is None


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_a_watcher_holds_just_what_is_selected(states: list[bool]) -> None:
    """After any life of an object the watcher's world is right, and no event contradicts the one before."""
    told, held = SelectionChange(is_selected), False
    for version, selected in enumerate(states, 1):
        event = told.type_of("ADDED" if version == 1 else "MODIFIED", item(version, selected=selected))
        assert event in ((None, "ADDED") if not held else ("MODIFIED", "DELETED"))
        held = {None: held, "ADDED": True, "MODIFIED": True, "DELETED": False}[event]
        assert held is selected
