"""What a draft shows: what lies below it, with what was written since in its place."""

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from eventing.resources.identity import Key, Object, key_of
from eventing.store.bookkeeping import owner_uids
from eventing.store.draft import Draft
from eventing.store.witness import config_map

NAMES = ("a", "b", "c")
SPACES = ("x", "y")


class FlatShelf:
    """Objects in a dict: the least that a shelf can be."""

    def __init__(self, items: Collection[Object] = ()) -> None:
        self.items = {key_of(item): item for item in items}
        self.reads = 0

    def read(self, keys: Collection[Key]) -> dict[Key, Object]:
        self.reads += 1
        return {key: self.items[key] for key in keys if key in self.items}

    def having(self, uids: Collection[str]) -> list[Object]:
        return [item for item in self.items.values() if item["metadata"]["uid"] in uids]

    def owned_by(self, uids: Collection[str]) -> list[Object]:
        return [item for item in self.items.values() if not owner_uids(item).isdisjoint(uids)]

    def within(self, namespace: str) -> list[Object]:
        return [item for key, item in self.items.items() if key.namespace == namespace]

    def count(self, namespace: str) -> int:
        return len(self.within(namespace))


def thing(name: str, space: str, uid: str, owner: str | None) -> Object:
    item = config_map(name, space)
    item["metadata"]["uid"] = uid
    if owner is not None:
        item["metadata"]["ownerReferences"] = [{"uid": owner}]
    return item


UIDS = st.sampled_from(("1", "2", "3", "4"))
THINGS = st.builds(thing, st.sampled_from(NAMES), st.sampled_from(SPACES), UIDS, st.none() | UIDS)
WRITES = st.lists(st.tuples(THINGS, st.booleans(), st.booleans()), max_size=12)


@given(st.lists(THINGS, unique_by=lambda item: str(key_of(item))), WRITES)
def test_a_draft_of_drafts_shows_what_a_plain_shelf_would(below: list[Object], writes: WRITES) -> None:
    """Whatever was written, in whichever layer, every question has the answer of a shelf that holds the result."""
    bottom = Draft(FlatShelf(below), 10)
    expected = FlatShelf(below)
    for item, is_removal, is_kept in writes:
        above = Draft(bottom, bottom.version)
        key = key_of(item)
        there = above.find(key)
        if is_removal and there is None:
            continue
        above.put("DELETED" if is_removal else "MODIFIED" if there else "ADDED", item)
        if not is_kept:
            continue
        bottom.take_over(above)
        expected.items.pop(key, None)
        if not is_removal:
            expected.items[key] = item
    check(bottom, expected)
    check(Draft(bottom, bottom.version), expected)
    assert 10 + len(bottom.steps) == bottom.version


def check(draft: Draft, expected: FlatShelf) -> None:
    def by_key(items: list[Object]) -> list[Object]:
        return sorted(items, key=key_of)

    for uid in ("1", "2", "3", "4"):
        assert by_key(expected.having({uid})) == draft.having({uid})
        assert by_key(expected.owned_by({uid, "1"})) == draft.owned_by({uid, "1"})
    for space in SPACES:
        assert by_key(expected.within(space)) == draft.within(space)
        assert expected.count(space) == draft.count(space)
    keys = [key_of(config_map(name, space)) for name in NAMES for space in SPACES]
    assert expected.read(keys) == draft.read(keys)


def test_what_was_read_is_not_read_again() -> None:
    """Nor what is known to be absent; a batch is read at once."""
    shelf = FlatShelf([thing("a", "x", "1", None)])
    draft = Draft(shelf, 0)
    keys = [key_of(config_map(name, "x")) for name in NAMES]
    draft.read(keys)
    assert (None, True) == (draft.find(keys[1]), draft.find(keys[0]) is not None)
    assert 1 == shelf.reads


def test_steps_know_what_was_there() -> None:
    """The change before, of the same draft or below it; each bears the next version."""
    old, new = thing("a", "x", "1", None), thing("a", "x", "2", None)
    draft = Draft(FlatShelf([old]), 4)
    draft.find(key_of(old))
    assert "5" == draft.next_version
    draft.put("DELETED", old)
    assert "6" == draft.next_version
    draft.put("ADDED", new)
    draft.put("MODIFIED", new)
    assert [old, None, new] == [step.old for step in draft.steps]
