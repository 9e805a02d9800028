"""One pass: what it collects, who is to be looked at again, and what of it is told."""

import pytest

from eventing.reconcilers.status import Draft
from eventing.reconcilers.turn import INTERNAL_ERROR, Tale, Turn
from eventing.resources.identity import Key, Object, key_of
from eventing.world import World

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


def item(name: str, status: Object | None = None) -> Object:
    metadata = {"namespace": "n", "name": name, "generation": 1, "resourceVersion": "7"}
    return {"apiVersion": "x/v1", "kind": "X", "metadata": metadata, **({"status": status} if status else {})}


def key(name: str) -> Key:
    return Key("x", "X", "n", name)


def drafted(given: Object, status: str = "True", message: str = "", now: str = NOW) -> Draft:
    draft = Draft(given, ("Works",), now)
    draft.mark("Works", status, "" if status == "True" else "Broken", message)  # type: ignore[arg-type]
    return draft


def test_a_status_that_is_news_is_to_be_written_and_seen_at_once() -> None:
    turn = Turn(NOW, World())
    turn.finish(drafted(item("a")))
    assert [key("a")] == [key_of(one) for one in turn.statuses]
    assert turn.statuses[0] is turn.world.get(key("a"))


def test_a_status_that_is_stored_already_is_not_written() -> None:
    """Whatever the time is."""
    stored = item("a", drafted(item("a")).status)
    turn = Turn(LATER, World())
    turn.finish(drafted(stored, now=LATER))
    assert ([], None) == (turn.statuses, turn.world.get(key("a")))


def test_who_looked_before_it_changed_looks_again_and_nobody_else() -> None:
    """Not who looks later, nor who looked at something else, nor itself."""
    turn = Turn(NOW, World())
    turn.world.read_as(key("early"))(key("a"))
    turn.finish(drafted(item("early")))
    turn.world.read_as(key("stranger"))(key("b"))
    turn.finish(drafted(item("stranger")))
    turn.world.read_as(key("a"))(key("a"))
    turn.world.read_as(key("late"))(key("a"))
    turn.finish(drafted(item("a")))
    turn.finish(drafted(item("late")))
    assert {key("early")} == turn.early


def test_a_failure_is_told_once_with_its_message() -> None:
    turn = Turn(NOW, World())
    turn.finish(drafted(item("a"), "False", "no disk"))
    turn.finish(drafted(item("a", turn.statuses[0]["status"]), "False", "no disk"))
    assert [("Warning", INTERNAL_ERROR, "no disk")] == [(one.type, one.reason, one.message) for one in turn.occurrences]
    turn.finish(drafted(item("a", turn.statuses[0]["status"]), "False", "no room"), reason="Full")
    assert ("Warning", "Full", "no room") == (
        turn.occurrences[1].type,
        turn.occurrences[1].reason,
        turn.occurrences[1].message,
    )


@pytest.mark.parametrize(
    ("status", "message", "reason"), [("True", "fine", "R"), ("False", "", "R"), ("False", "no disk", None)]
)
def test_what_works_or_has_no_words_or_no_reason_is_not_told(status: str, message: str, reason: str | None) -> None:
    turn = Turn(NOW, World())
    turn.finish(drafted(item("a"), status, message), reason=reason)
    assert (1, []) == (len(turn.statuses), turn.occurrences)


def test_a_child_is_made_unless_its_owner_goes() -> None:
    turn, owner, child = Turn(NOW, World()), item("a"), item("c")
    turn.create(owner, child)
    assert [child] == turn.creations
    turn.create({**owner, "metadata": {**owner["metadata"], "deletionTimestamp": NOW}}, child)
    assert [child] == turn.creations


def test_an_update_is_of_the_version_that_was_read() -> None:
    turn, old, new = Turn(NOW, World()), item("a"), item("a")
    del new["metadata"]["resourceVersion"]
    turn.update(old, new)
    assert "7" == turn.updates[0]["metadata"]["resourceVersion"]
    assert "resourceVersion" not in new["metadata"]


def test_a_tale_is_what_is_true_at_its_end() -> None:
    """A failure on the way to something better is not told; one that stays, and what others say, is."""
    world, tale = World(), Tale()
    first = Turn(NOW, world)
    first.finish(drafted(item("a"), "False", "not yet"))
    first.finish(drafted(item("b"), "False", "no disk"))
    tale.add(first)
    second = Turn(NOW, world)
    second.finish(drafted(first.statuses[0]))
    second.tell(item("a"), "Normal", "Works", "at last")
    second.finish(drafted(first.statuses[1], "False", "no disk"))
    tale.add(second)
    assert [("b", "no disk"), ("a", "at last")] == [(one.item["metadata"]["name"], one.message) for one in tale]
