"""The verbs on a draft: each checks before it changes anything. What they do together is in the laws."""

from collections.abc import Callable

import pytest

from eventing.errors import AlreadyExists, Conflict, Forbidden, InvalidResource, NotFound
from eventing.resources.identity import Object, key_of
from eventing.store import verb
from eventing.store.contract import Propagation
from eventing.store.draft import Draft
from eventing.store.witness import config_map, held, namespace, owned_by
from tests.eventing.store.test_draft import FlatShelf


def draft_of(*items: Object) -> Draft:
    """A draft above these, created one after the other."""
    below = Draft(FlatShelf(), 0)
    for number, item in enumerate(items):
        verb.create(below, item, uid=f"u{number}", now="t0")
    return Draft(FlatShelf([step.item for step in below.steps]), below.version)


def stale(item: Object) -> Object:
    """The object at a version that is not its."""
    return {**item, "metadata": {**item["metadata"], "resourceVersion": "99"}}


def delete(draft: Draft, item: Object, propagation: Propagation = "Background", version: str | None = None) -> Object:
    return verb.delete(draft, key_of(item), uid=None, resource_version=version, propagation=propagation, now="t1")


TERMINATING = namespace("default") | {"metadata": {"name": "default", "uid": "n", "deletionTimestamp": "t"}}


@pytest.mark.parametrize(
    ("error", "ask"),
    [
        (AlreadyExists, lambda draft: verb.create(draft, config_map(), uid="u", now="t")),
        (NotFound, lambda draft: verb.update(draft, config_map("b"), now="t")),
        (NotFound, lambda draft: verb.update_status(draft, config_map("b"))),
        (NotFound, lambda draft: delete(draft, config_map("b"))),
        (Conflict, lambda draft: verb.update(draft, stale(config_map()), now="t")),
        (Conflict, lambda draft: verb.update_status(draft, stale(config_map()))),
        (Conflict, lambda draft: delete(draft, config_map(), version="99")),
    ],
)
def test_who_is_refused_has_drafted_nothing(error: type[Exception], ask: Callable[[Draft], object]) -> None:
    """Its neighbours in the transaction go on as if it had not been."""
    draft = draft_of(config_map())
    with pytest.raises(error):
        ask(draft)
    assert [] == draft.steps


def test_nothing_is_created_in_a_namespace_that_ends() -> None:
    """With Kubernetes' words."""
    draft = Draft(FlatShelf([TERMINATING]), 0)
    with pytest.raises(Forbidden, match="unable to create new content in namespace default because it is being term"):
        verb.create(draft, config_map(), uid="u", now="t")
    verb.create(draft, config_map(namespace="other"), uid="u", now="t")


def test_no_finalizer_joins_what_is_being_deleted() -> None:
    """It could hold it for ever."""
    draft = draft_of(held(config_map(), "a"))
    delete(draft, config_map())
    with pytest.raises(InvalidResource):
        verb.update(draft, held(config_map(), "a", "b"), now="t")


def test_what_is_equal_drafts_nothing() -> None:
    """Neither content nor status."""
    draft = draft_of(config_map(key="1"))
    old = draft.find(key_of(config_map()))
    assert old is verb.update(draft, config_map(key="1"), now="t") is verb.update_status(draft, config_map())
    assert [] == draft.steps


def test_an_update_removes_what_only_its_finalizers_held() -> None:
    """Otherwise it changes it."""
    draft = draft_of(held(config_map(), "a"))
    verb.update(draft, held(config_map(key="1"), "a"), now="t")
    delete(draft, config_map())
    verb.update(draft, config_map(key="1"), now="t")
    assert ["MODIFIED", "MODIFIED", "DELETED"] == [step.type for step in draft.steps]


def test_each_of_many_statuses_is_judged_alone() -> None:
    """However many, in their order."""
    names = [f"m{number:03}" for number in range(250)]
    draft = draft_of(*(config_map(name) for name in names[::2]))
    written = verb.update_statuses(draft, [config_map(name) | {"status": {"of": name}} for name in names])
    assert [dict, NotFound] * 125 == [type(one) for one in written]
    assert [{"of": name} for name in names[::2]] == [step.item["status"] for step in draft.steps]


def test_deleting_twice_drafts_once() -> None:
    """However it is asked for the second time."""
    draft = draft_of(held(config_map(), "a"))
    marked = delete(draft, config_map())
    again: tuple[Propagation, ...] = ("Background", "Foreground", "Orphan")
    assert [marked] * 3 == [delete(draft, config_map(), how) for how in again]
    assert 1 == len(draft.steps)


def test_a_deletion_says_how_the_object_was_left() -> None:
    """Gone with its dependents, or gone without them."""
    owner = draft_of(config_map("owner")).find(key_of(config_map("owner")))
    assert owner is not None
    child = owned_by(owner, name="child")
    for propagation, left in (("Background", []), ("Foreground", []), ("Orphan", ["child"])):
        draft = draft_of(config_map("owner"), child)
        ending = delete(draft, owner, propagation)  # type: ignore[arg-type]
        assert ending == next(step.item for step in draft.steps if step.key == key_of(owner))
        assert (propagation == "Foreground") == ("deletionTimestamp" in ending["metadata"])
        assert left == [item["metadata"]["name"] for item in draft.within("default")]
