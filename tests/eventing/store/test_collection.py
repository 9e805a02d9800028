"""What goes with what: whatever is done, in the end nothing stays that should have gone, and nothing went that should
have stayed. The laws tell the order; here is that no order of deeds breaks the sum.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eventing.errors import Forbidden
from eventing.resources.identity import Key, Object, key_of
from eventing.store import bookkeeping, verb
from eventing.store.draft import Draft
from eventing.store.witness import config_map, namespace
from tests.eventing.store.test_draft import FlatShelf

NAMES = ("a", "b", "c", "d", "e")
SPACES = ("x", "y")


class World:
    """One draft, written by verbs as a user would."""

    def __init__(self) -> None:
        self.draft = Draft(FlatShelf(), 0)
        self._uids = 0

    @property
    def items(self) -> dict[Key, Object]:
        keys = [key_of(config_map(name, space)) for name in NAMES for space in SPACES]
        return dict(sorted(self.draft.read([*keys, *(key_of(namespace(space)) for space in SPACES)]).items()))

    def create(self, item: Object, owners: list[Key], is_blocking: bool, finalizer: bool) -> None:
        self._uids += 1
        if key_of(item) in self.items:
            return
        if finalizer:
            item["metadata"]["finalizers"] = ["held"]
        found = self.draft.read(owners)
        item["metadata"]["ownerReferences"] = [
            {"uid": owner["metadata"]["uid"], "blockOwnerDeletion": is_blocking} for owner in found.values()
        ]
        try:
            verb.create(self.draft, item, uid=f"u{self._uids}", now="t")
        except Forbidden:
            assert bookkeeping.is_deleting(self.items[key_of(namespace(key_of(item).namespace))])

    def delete(self, key: Key, propagation: Any) -> None:
        if key in self.items:
            verb.delete(self.draft, key, uid=None, resource_version=None, propagation=propagation, now="t")

    def let_go(self, key: Key) -> None:
        if (item := self.items.get(key)) is not None:
            left = [name for name in bookkeeping.finalizers(item) if name != "held"]
            verb.update(self.draft, {**item, "metadata": {**item["metadata"], "finalizers": left}}, now="t")

    def reown(self, key: Key, owner: Key) -> None:
        items = self.items
        if key in items and owner in items:
            reference = {"uid": items[owner]["metadata"]["uid"], "blockOwnerDeletion": True}
            metadata = {**items[key]["metadata"], "ownerReferences": [reference]}
            verb.update(self.draft, {**items[key], "metadata": metadata}, now="t")


A, B, C = (key_of(config_map(name, "x")) for name in "abc")
SPACE = key_of(namespace("x"))


def world_of(*owned: tuple[Key, list[Key], bool, bool]) -> World:
    """A world with a namespace and these in it: by owners, whether they block them, and whether they are held."""
    world = World()
    world.create(namespace("x"), [], False, False)
    for key, owners, is_blocking, finalizer in owned:
        world.create(config_map(key.name, key.namespace), owners, is_blocking, finalizer)
    return world


def test_an_owner_that_waits_keeps_its_other_finalizers() -> None:
    """Of what it owned nothing is left; it goes when these do."""
    world = world_of((A, [], False, True), (B, [A], True, True))
    world.delete(A, "Foreground")
    assert ("held", "foregroundDeletion") == bookkeeping.finalizers(world.items[A])
    world.let_go(B)
    assert ([A, SPACE], ("held",)) == (list(world.items), bookkeeping.finalizers(world.items[A]))
    world.let_go(A)
    assert [SPACE] == list(world.items)


def test_who_has_another_owner_forgets_the_one_that_waits() -> None:
    """And does not hold it up, though it said so."""
    world = world_of((A, [], False, False), (B, [], False, False), (C, [A, B], True, False))
    world.delete(A, "Foreground")
    assert [B, C, SPACE] == list(world.items)
    assert bookkeeping.owner_uids(world.items[C]) == {world.items[B]["metadata"]["uid"]}


def test_what_is_going_already_is_not_marked_twice() -> None:
    """A namespace that goes finds some of its objects marked."""
    world = world_of((A, [], False, True), (B, [A], False, True))
    world.delete(A, "Background")
    marked = world.items[A]
    world.delete(SPACE, "Background")
    assert marked == world.items[A]
    world.let_go(B)
    assert [A, SPACE] == list(world.items)
    world.let_go(A)
    assert {} == world.items


def test_who_waits_in_a_circle_goes() -> None:
    """Though each blocks the next, and one of them is held for a while."""
    world = world_of((A, [], False, False), (B, [A], True, False), (C, [B], True, True))
    world.reown(A, C)
    world.delete(A, "Foreground")
    assert [A, B, C, SPACE] == list(world.items)
    world.let_go(C)
    assert [SPACE] == list(world.items)
    world = world_of((A, [], False, False))
    world.reown(A, A)
    world.delete(A, "Foreground")
    assert [SPACE] == list(world.items)


KEYS = st.builds(lambda name, space: key_of(config_map(name, space)), st.sampled_from(NAMES), st.sampled_from(SPACES))
SPACE_KEYS = st.sampled_from([key_of(namespace(space)) for space in SPACES])
PROPAGATIONS = st.sampled_from(("Background", "Foreground", "Orphan"))
Deed = Callable[[World], None]
DEEDS = st.one_of(
    st.builds(
        lambda key, owners, is_blocking, finalizer: (
            lambda world: world.create(config_map(key.name, key.namespace), owners, is_blocking, finalizer)
        ),
        KEYS,
        st.lists(KEYS, max_size=2),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(lambda key: lambda world: world.create(namespace(key.name), [], False, False), SPACE_KEYS),
    st.builds(lambda key, how: lambda world: world.delete(key, how), KEYS | SPACE_KEYS, PROPAGATIONS),
    st.builds(lambda key: lambda world: world.let_go(key), KEYS),
    st.builds(lambda key, owner: lambda world: world.reown(key, owner), KEYS, KEYS),
)


@given(st.lists(DEEDS, max_size=25))
def test_nothing_is_left_that_should_have_gone(deeds: list[Deed]) -> None:
    """After each deed: who has owners has a living one, who waits has somebody to wait for, a namespace that is being
    deleted has something in it, and only finalizers or these hold what is being deleted.
    """
    world = World()
    for deed in deeds:
        deed(world)
        check(world.items)


def check(items: dict[Key, Object]) -> None:
    by_uid = {item["metadata"]["uid"]: item for item in items.values()}
    for key, item in items.items():
        uid, owners = item["metadata"]["uid"], bookkeeping.owner_uids(item)
        going = bookkeeping.is_deleting(item)
        assert owners <= set(by_uid) or going, f"{key} names an owner that has gone"
        assert not owners or going or any(not bookkeeping.is_waiting(by_uid[one]) for one in owners), key
        blockers = [other for other in items.values() if bookkeeping.is_blocking(other, uid)]
        contents = [other for other in items if bookkeeping.is_namespace(item) and other.namespace == key.name]
        if bookkeeping.is_waiting(item):
            assert blockers, f"{key} waits for nobody"
        if going:
            assert bookkeeping.finalizers(item) or contents, f"{key} is held by nothing"
        if going and bookkeeping.is_namespace(item):
            assert all(bookkeeping.is_deleting(items[one]) for one in contents), f"{key} keeps what is in it"


@given(st.lists(DEEDS, max_size=25))
def test_once_everybody_lets_go_nothing_that_is_being_deleted_stays(deeds: list[Deed]) -> None:
    """No circle of owners, however they were deleted, waits for itself."""
    world = World()
    for deed in deeds:
        deed(world)
    for key in list(world.items):
        world.let_go(key)
    assert [] == [key for key, item in world.items.items() if bookkeeping.is_deleting(item)]


@given(st.lists(DEEDS, max_size=25))
def test_every_step_bears_the_next_version(deeds: list[Deed]) -> None:
    """Each change one, without gaps; and no object is changed after it has gone."""
    world = World()
    for deed in deeds:
        deed(world)
    steps = world.draft.steps
    assert [str(number + 1) for number in range(len(steps))] == [s.item["metadata"]["resourceVersion"] for s in steps]
    for step in steps:
        assert (step.type == "ADDED") == (step.old is None)
