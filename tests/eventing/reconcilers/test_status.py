"""A status on its way: nothing is lost that nobody spoke of, and nothing is news that is not."""

from eventing.errors import ResolutionError
from eventing.reconcilers.status import Draft
from eventing.resources.identity import Object

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


def item(status: Object | None = None, generation: int = 1) -> Object:
    return {"metadata": {"name": "a", "generation": generation}, **({"status": status} if status else {})}


def conditions(draft: Draft) -> dict[str, tuple[str, str, str]]:
    return {
        one["type"]: (one["status"], one.get("reason", ""), one.get("message", ""))
        for one in draft.status["conditions"]
    }


def test_what_nobody_marked_is_unknown() -> None:
    draft = Draft(item(), ("A", "B"), NOW)
    draft.mark("A")
    assert {"A": ("True", "", ""), "B": ("Unknown", "", ""), "Ready": ("Unknown", "", "")} == conditions(draft)
    assert ("Unknown", "", "") == draft.ready()
    assert not draft.is_ready


def test_ready_follows_all_and_its_own_words_are_told() -> None:
    draft = Draft(item(), ("A", "B"), NOW)
    draft.mark("A")
    draft.fail("B", ResolutionError("Gone", "it went"))
    assert ("False", "Gone", "it went") == draft.ready()
    draft.fail("B", ResolutionError("Gone", "it went"), "Lost")
    assert ("False", "Lost", "it went") == draft.ready()
    draft.mark("B")
    assert draft.is_ready
    assert not draft.was_ready


def test_what_is_stored_stays_until_somebody_says_otherwise() -> None:
    """Fields and conditions; and the generation is that of the object."""
    old = Draft(item(), ("A",), NOW)
    old.mark("A")
    old.put("sinkUri", "http://a")
    draft = Draft(item(old.status, generation=2), ("A",), LATER)
    assert {**old.status, "observedGeneration": 2} == draft.status
    assert draft.was_ready


def test_an_empty_field_is_none() -> None:
    draft = Draft(item({"sinkUri": "http://a", "x": 1}), (), NOW)
    draft.put("sinkUri", "")
    draft.put("x", None)
    assert {"observedGeneration", "conditions"} == draft.status.keys()


def test_an_address_is_where_it_can_be_reached() -> None:
    draft = Draft(item(), ("Addressable",), NOW)
    draft.address("http://a")
    assert {"name": "http", "url": "http://a"} == draft.status["address"]
    assert draft.is_ready


def test_the_same_again_is_no_result() -> None:
    """Later, too: a condition keeps the time at which it changed."""
    first = Draft(item(), ("A",), NOW)
    first.mark("A")
    result = first.result
    assert result is not None
    second = Draft(result, ("A",), LATER)
    second.mark("A")
    assert second.result is None
    second.mark("A", "False", "Gone")
    assert second.result is not None
