"""EventTypes: admission, defaulting and conversion against what Knative answered to the same requests.

What we answer differently, and why, is in the tables: everything else must agree in verdict, in words, in the paths
they speak of, in what is stored, and in what each version shows of it.
"""

import pytest

from eventing.resources.admission import admit
from eventing.resources.event_type import EVENT_TYPE
from tests.eventing.resources.recorded import comparable, context_of, ours, recorded, theirs

ADMISSION = recorded("admission.json", ("EventType",))
DEFAULTING = recorded("defaulting.json", ("EventType",))
DIFFERENCES: dict[str, tuple[str, ...]] = {
    "the true path": (
        "EventType v1beta1: source not a URI",
        "EventType v1beta2: source not a URI",
        "EventType v1beta3: minimal",
        "EventType v1beta3: no spec",
        "EventType v1beta3: spec.type of v1beta2",
        "EventType v1beta3: type without value",
    ),
    "a reference names something": ("EventType v1beta1: reference empty", "EventType v1beta2: reference empty"),
    "attributes are stored whole, with their values, and shown by v1beta3": (
        "EventType v1beta3: attribute without required",
        "EventType v1beta3: description",
        "EventType v1beta3: extension attribute with template",
        "EventType v1beta3: full",
        "EventType v1beta3: unknown field",
        "EventType v1beta3: update of attributes",
        "EventType v1beta3: without id",
    ),
    "variables are stored, not pruned": ("EventType v1beta3: variables",),
    "an attribute has a name of CloudEvents, and is named once": (
        "EventType v1beta3: bad attribute name",
        "EventType v1beta3: duplicate attribute",
    ),
}
"""Why, and in which cases, we answer differently."""
DIFFERENT = {name for names in DIFFERENCES.values() for name in names}
WHOLE = ("EventType v1beta3 full", "EventType v1beta3 with extensions, variables, reference")
"""Creations that Knative does not store whole."""
READ_DIFFERENTLY: dict[str, tuple[tuple[str, str], ...]] = {
    "a Broker's name is shown by every version": (
        *(("EventType v1beta2 with broker", f"v1beta{n}") for n in (1, 2, 3)),
    ),
    "the schema itself is kept": (
        ("EventType v1beta2 with everything", "v1beta1"),
        ("EventType v1beta2 with everything", "v1beta2"),
    ),
    "attributes are stored whole, and braces stay braces": (
        ("EventType v1beta3 full", "v1beta3"),
        *(("EventType v1beta3 with extensions, variables, reference", f"v1beta{n}") for n in (1, 2, 3)),
    ),
}
"""Why, and where, another version shows something else than Knative's does."""
READINGS = [(name, f"v1beta{n}") for name in sorted(DEFAULTING) for n in (1, 2, 3)]
OTHERWISE = {reading for readings in READ_DIFFERENTLY.values() for reading in readings}


def read_as(name: str, version_name: str) -> str:
    """What we show in that version of what we stored for a creation."""
    item = DEFAULTING[name]["object"]
    written = EVENT_TYPE.find_version(item["apiVersion"].rpartition("/")[2])
    version = EVENT_TYPE.find_version(version_name)
    assert written is not None
    assert version is not None
    stored = admit((EVENT_TYPE, written), item, context=context_of(DEFAULTING[name]), is_strict=False).item
    return comparable(EVENT_TYPE.from_stored(stored, version))


@pytest.mark.parametrize("name", sorted(ADMISSION.keys() - DIFFERENT))
def test_an_admission_is_answered_as_recorded(name: str) -> None:
    """The same verdict, the same words about the same paths, the same object stored, the same warnings."""
    assert theirs(ADMISSION[name]) == ours(ADMISSION[name])


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_a_listed_difference_is_one(name: str) -> None:
    """An entry of the table that no longer differs, or names no case, must leave it."""
    assert theirs(ADMISSION[name]) != ours(ADMISSION[name])


@pytest.mark.parametrize("name", DIFFERENCES["the true path"])
def test_a_true_path_changes_no_verdict(name: str) -> None:
    """Where only the path differs, both refuse."""
    assert ours(ADMISSION[name]).faults
    assert ADMISSION[name]["http_status"] == 400


@pytest.mark.parametrize("name", sorted(DEFAULTING.keys() - set(WHOLE)))
def test_defaults_are_filled_in_as_recorded(name: str) -> None:
    """What the API server stored for a creation."""
    assert theirs(DEFAULTING[name]) == ours(DEFAULTING[name])


@pytest.mark.parametrize(("name", "version"), [reading for reading in READINGS if reading not in OTHERWISE])
def test_a_version_shows_what_was_written_in_another(name: str, version: str) -> None:
    """Every version shows what it can say of what was written in any."""
    assert comparable(DEFAULTING[name]["read_as"][version]) == read_as(name, version)


@pytest.mark.parametrize(("name", "version"), sorted(OTHERWISE))
def test_a_listed_reading_differs(name: str, version: str) -> None:
    """An entry of the table that no longer differs must leave it."""
    assert comparable(DEFAULTING[name]["read_as"][version]) != read_as(name, version)
