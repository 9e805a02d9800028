"""The books of a store. What a store does with them is in its laws; here are the parts that no law reaches alone."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.errors import Conflict, InvalidResource
from eventing.resources.identity import Object
from eventing.store import bookkeeping
from eventing.store.witness import config_map, held, namespace, owned_by

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
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    item["metadata"]["finalizers"] = ["b"]
    left = bookkeeping.updated(marked, item, version="3")
    assert (bookkeeping.finalizers(left), bookkeeping.is_deleting(left)) == (("b",), True)
    item["metadata"]["finalizers"] = ["c"]
    with pytest.raises(InvalidResource, match=r'found new finalizers \[\]string\{"c"\}'):
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


def test_times_of_managed_fields_are_no_content() -> None:
    """Everything else of them is; a status update takes them where they are brought, and keeps them elsewhere."""
    entry = {"manager": "kn", "time": "t1"}
    item = config_map(a="1")
    item["metadata"]["managedFields"] = [entry]
    before = bookkeeping.created(item, uid="u", now="t0", version="1")
    later, other = copy.deepcopy(item), copy.deepcopy(item)
    later["metadata"]["managedFields"][0]["time"] = "t2"
    other["metadata"]["managedFields"][0]["manager"] = "kubectl"
    for write in (bookkeeping.updated, bookkeeping.with_status):
        assert write(before, later, version="2") is before
        assert write(before, other, version="2")["metadata"]["managedFields"] == [entry | {"manager": "kubectl"}]
    assert bookkeeping.with_status(before, config_map() | {"status": {}}, version="2")["metadata"]["managedFields"] == [
        entry
    ]


def test_an_orphan_forgets_its_owner() -> None:
    """And keeps no empty list of others."""
    child = bookkeeping.created(owned_by(stored(), name="child"), uid="w", now="t0", version="1")
    left = bookkeeping.orphaned(child, "u", version="2")
    assert ("2", False) == (left["metadata"]["resourceVersion"], "ownerReferences" in left["metadata"])
    assert ["u"] == [one["uid"] for one in bookkeeping.orphaned(child, "x", version="2")["metadata"]["ownerReferences"]]


def test_an_object_waits_for_what_it_owns_by_a_finalizer() -> None:
    """It joins once, and leaves the others when it leaves."""
    before = bookkeeping.created(held(config_map(), "a"), uid="u", now="t0", version="1")
    marked = bookkeeping.marked(before, now="t1", version="2", hold=bookkeeping.FOREGROUND)
    assert ("a", "foregroundDeletion") == bookkeeping.finalizers(marked)
    assert (True, False) == (bookkeeping.is_waiting(marked), bookkeeping.is_waiting(before))
    released = bookkeeping.released(marked, version="3")
    assert (("a",), False) == (bookkeeping.finalizers(released), bookkeeping.is_waiting(released))


def test_a_dependent_blocks_if_it_says_so() -> None:
    """The owner that it names, and no other."""
    blocking, other = (owned_by(stored(), name="child", is_blocking=is_blocking) for is_blocking in (True, False))
    told = [bookkeeping.is_blocking(item, uid) for item in (blocking, other, config_map()) for uid in ("u", "v")]
    assert [True, False, False, False, False, False] == told
    assert [{"u"}, set()] == [set(bookkeeping.owner_uids(item)) for item in (blocking, config_map())]


def test_a_namespace_is_the_core_groups() -> None:
    """Another group may have a kind of that name."""
    assert bookkeeping.is_namespace(namespace("x"))
    assert not bookkeeping.is_namespace(namespace("x") | {"apiVersion": "example.com/v1"})


def test_what_is_removed_is_seen_with_a_version_of_its_own() -> None:
    """A watcher can go on from a deletion."""
    assert bookkeeping.removed(stored(a="1"), version="7")["metadata"]["resourceVersion"] == "7"
