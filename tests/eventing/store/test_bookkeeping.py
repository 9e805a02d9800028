"""The books of a store. What a store does with them is in its laws; here are the parts that no law reaches alone."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.errors import Conflict, InvalidResource
from eventing.resources.identity import Object
from eventing.store import bookkeeping
from eventing.store.conformance import config_map, owned_by

CONTENT = st.dictionaries(st.sampled_from(("a", "b")), st.sampled_from(("1", "2")))


def stored(**data: str) -> Object:
    return bookkeeping.created(config_map(**data), uid="u", now="t0", version="1")


@given(CONTENT, CONTENT, st.booleans())
def test_the_version_grows_with_any_change_and_the_generation_with_content(
    old: dict[str, str], new: dict[str, str], labelled: bool
) -> None:
    """What is equal is `old` itself; nothing that comes in is changed."""
    before, item = stored(**old), config_map(**new)
    if labelled:
        item["metadata"]["labels"] = {"a": "b"}
    copies = copy.deepcopy((before, item))
    after = bookkeeping.updated(before, item, version="2")
    assert (before, item) == copies
    assert (after is before) == (old == new and not labelled)
    assert after["metadata"]["generation"] == (1 if old == new else 2)
    assert after["metadata"]["resourceVersion"] == ("1" if after is before else "2")


def test_books_are_not_the_callers() -> None:
    """An update that brings its own times and generation changes nothing."""
    before = stored(a="1")
    item = config_map(a="1")
    item["metadata"] |= {"generation": 9, "creationTimestamp": "t9", "deletionTimestamp": "t9"}
    assert bookkeeping.updated(before, item, version="2") is before


def test_a_status_is_set_kept_and_cleared() -> None:
    """By its own verb alone; an equal one changes nothing."""
    before = stored()
    ready = bookkeeping.with_status(before, config_map() | {"status": {"a": 1}}, version="2")
    assert (ready["status"], before.get("status")) == ({"a": 1}, None)
    assert bookkeeping.with_status(ready, config_map() | {"status": {"a": 1}}, version="3") is ready
    assert bookkeeping.updated(ready, config_map(x="1"), version="3")["status"] == {"a": 1}
    assert "status" not in bookkeeping.with_status(ready, config_map(), version="3")


def test_a_stale_or_foreign_writer_conflicts() -> None:
    """The message tells the version to read."""
    before = stored()
    stale, foreign = config_map(), config_map()
    stale["metadata"]["resourceVersion"] = "0"
    foreign["metadata"]["uid"] = "x"
    with pytest.raises(Conflict, match="ConfigMap default/a: the object has been modified; it is at version 1, not 0"):
        bookkeeping.updated(before, stale, version="2")
    with pytest.raises(Conflict, match="the uid is u, not x"):
        bookkeeping.with_status(before, foreign, version="2")


def test_no_finalizer_joins_an_object_that_is_being_deleted() -> None:
    """Those that are there may leave; the object stays marked."""
    item = config_map()
    item["metadata"]["finalizers"] = ["a", "b"]
    marked = bookkeeping.marked(bookkeeping.created(item, uid="u", now="t0", version="1"), now="t1", version="2")
    assert (marked["metadata"]["deletionTimestamp"], marked["metadata"]["generation"]) == ("t1", 2)
    item["metadata"]["finalizers"] = ["b"]
    left = bookkeeping.updated(marked, item, version="3")
    assert (bookkeeping.finalizers(left), bookkeeping.is_deleting(left)) == (("b",), True)
    item["metadata"]["finalizers"] = ["c"]
    with pytest.raises(InvalidResource, match=r"found \['c'\]"):
        bookkeeping.updated(marked, item, version="3")


def test_owners_that_went_are_forgotten() -> None:
    """None is left where all went; who had none, or lost none, is the same object."""
    first, second = stored(), stored()
    second["metadata"]["uid"] = "v"
    child = bookkeeping.created(owned_by(first, second, name="child"), uid="w", now="t0", version="1")
    assert bookkeeping.disowned(child, {"u", "v"}, version="2") is child
    assert bookkeeping.disowned(first, set(), version="2") is first
    assert bookkeeping.disowned(child, set(), version="2") is None
    left = bookkeeping.disowned(child, {"v"}, version="2")
    assert left is not None
    assert [owner["uid"] for owner in left["metadata"]["ownerReferences"]] == ["v"]
    assert left["metadata"]["resourceVersion"] == "2"


def test_what_is_removed_is_seen_with_a_version_of_its_own() -> None:
    """A watcher can go on from a deletion."""
    assert bookkeeping.removed(stored(a="1"), version="7")["metadata"]["resourceVersion"] == "7"
