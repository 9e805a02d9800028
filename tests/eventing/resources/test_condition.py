"""Conditions, and how Ready follows."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from eventing.resources.condition import READY, Condition, Conditions, Status

DEPENDENTS = ("A", "B", "C")
MARKS = st.lists(
    st.tuples(
        st.sampled_from(DEPENDENTS), st.sampled_from(("True", "False", "Unknown")), st.sampled_from(("", "r1", "r2"))
    ),
    max_size=12,
)


def ready(conditions: Conditions) -> tuple[str, str, str]:
    found = conditions.get(READY)
    assert found is not None
    return found.status, found.reason, found.message


def begun() -> Conditions:
    return Conditions(DEPENDENTS).initialized("t0")


def all_true() -> Conditions:
    conditions = begun()
    for name in DEPENDENTS:
        conditions = conditions.mark(name, "True", now="t1")
    return conditions


def test_they_begin_unknown() -> None:
    """Ready and every dependent are there from the start, sorted by type."""
    expected = [{"type": name, "status": "Unknown", "lastTransitionTime": "t0"} for name in ("A", "B", "C", READY)]
    assert begun().to_entries() == expected
    assert not begun().is_ready


def test_ready_needs_every_dependent() -> None:
    """True when all are True and not before; then it has no reason."""
    assert ready(begun().mark("A", "True", now="t1"))[0] == "Unknown"
    assert ready(all_true()) == ("True", "", "")
    assert all_true().is_ready


def test_a_reason_of_a_true_dependent_stays_its_own() -> None:
    """Ready is True without the reason that the last dependent gave."""
    conditions = all_true().mark("A", "True", "NothingToDo", "words", now="t2")
    assert ready(conditions) == ("True", "", "")


def test_false_shows_at_once() -> None:
    """Ready takes status, reason and message of the dependent that turned False last."""
    conditions = all_true().mark("A", "False", "first", "a", now="t2").mark("B", "False", "second", "b", now="t3")
    assert ready(conditions) == ("False", "second", "b")


def test_unknown_yields_to_false() -> None:
    """A dependent that turns Unknown makes Ready Unknown, unless another is False already."""
    assert ready(all_true().mark("A", "Unknown", "waiting", now="t2")) == ("Unknown", "waiting", "")
    conditions = all_true().mark("A", "False", "broken", now="t2").mark("B", "Unknown", "waiting", now="t3")
    assert ready(conditions) == ("False", "broken", "")


def test_unknown_beside_false_mends_a_ready_that_says_otherwise() -> None:
    """Ready becomes False even where the stored conditions contradicted themselves."""
    stored = [
        Condition("A", "False", "broken"),
        Condition("B", "True"),
        Condition("C", "True"),
        Condition(READY, "True"),
    ]
    assert ready(Conditions(DEPENDENTS, stored).mark("B", "Unknown", "waiting", now="t1")) == ("False", "waiting", "")


def test_true_uncovers_what_else_is_wrong() -> None:
    """Of several False the latest shows, else an Unknown, else Ready is True."""
    conditions = (
        all_true().mark("A", "False", "a", now="t2").mark("B", "False", "b", now="t3").mark("C", "False", "c", now="t4")
    )
    conditions = conditions.mark("C", "True", now="t5")
    assert ready(conditions) == ("False", "b", "")
    conditions = conditions.mark("B", "Unknown", "waiting", now="t6").mark("A", "True", now="t7")
    assert ready(conditions) == ("Unknown", "waiting", "")
    assert ready(conditions.mark("B", "True", now="t8")) == ("True", "", "")


def test_a_dependent_that_is_absent_leaves_ready_unknown() -> None:
    """Nothing said of a dependent is not good news."""
    assert ready(Conditions(("A", "B")).mark("A", "True", now="t1")) == ("Unknown", "", "")


def test_information_changes_nothing() -> None:
    """A type outside the dependents has severity Info and leaves Ready alone."""
    for status in ("True", "False", "Unknown"):
        conditions = all_true().mark("DeadLetterSinkResolved", status, "why", now="t2")
        assert ready(conditions) == ("True", "", "")
        entry = conditions.to_entries()[3]
        assert entry["severity"] == "Info"
        assert entry["type"] == "DeadLetterSinkResolved"


def test_ready_can_be_marked_itself() -> None:
    """True holds only where the dependents agree; False and Unknown hold till the next mark."""
    assert ready(all_true().mark(READY, "False", "why", now="t2")) == ("False", "why", "")
    assert ready(all_true().mark(READY, "False", now="t2").mark(READY, "True", now="t3")) == ("True", "", "")
    assert ready(begun().mark(READY, "True", now="t1"))[0] == "Unknown"


def test_a_new_generation_is_not_ready_until_observed() -> None:
    """Ready says so, and stays if the reconciler marks nothing."""
    expected = ("Unknown", "NewObservedGenFailure", "unsuccessfully observed a new generation")
    assert ready(all_true().observing("t2")) == expected
    assert ready(all_true().observing("t2").mark("A", "True", now="t3")) == ("True", "", "")


def test_a_dependent_of_a_later_release_begins_true_where_all_was_well() -> None:
    """An upgrade makes nothing not ready."""
    upgraded = Conditions.of((*DEPENDENTS, "D"), all_true().to_entries()).initialized("t2")
    assert upgraded.get("D") == Condition("D", "True", changed_at="t2")
    assert upgraded.is_ready


def test_the_time_is_that_of_the_last_change_of_anything() -> None:
    """Marking the same again keeps it; another message moves it."""
    conditions = all_true().mark("A", "False", "r", "m", now="t2")
    assert conditions.mark("A", "False", "r", "m", now="t3").to_entries() == conditions.to_entries()
    moved = conditions.mark("A", "False", "r", "other", now="t3").get("A")
    assert moved is not None
    assert moved.changed_at == "t3"


def test_entries_are_read_back() -> None:
    """A round trip through `status.conditions`; a status nobody knows is Unknown."""
    conditions = all_true().mark("X", "False", "r", "m", now="t2")
    assert Conditions.of(DEPENDENTS, conditions.to_entries()).to_entries() == conditions.to_entries()
    assert Condition.of({"type": "A", "status": "Perhaps"}).status == "Unknown"


@given(MARKS)
def test_ready_is_the_worst_of_the_dependents(marks: Sequence[tuple[str, Status, str]]) -> None:
    """After any marks: False if any is, else Unknown if any is, else True."""
    conditions = begun()
    for moment, (name, status, reason) in enumerate(marks):
        conditions = conditions.mark(name, status, reason, now=f"t{moment:02}")
    statuses = {entry["status"] for entry in conditions.to_entries() if entry["type"] != READY}
    expected = "False" if "False" in statuses else "Unknown" if "Unknown" in statuses else "True"
    assert ready(conditions)[0] == expected
