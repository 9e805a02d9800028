"""EventTypes: what each version shows of what was stored, against what Knative's conversion showed.

What is shown differently, and why, is in the table: everything else must agree.
"""

import pytest

from eventing.resources.admission import admit
from eventing.resources.event_type import EVENT_TYPE
from tests.eventing.resources.recorded import comparable, context_of, recorded

DEFAULTING = recorded("defaulting.json", ("EventType",))
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


@pytest.mark.parametrize(("name", "version"), [reading for reading in READINGS if reading not in OTHERWISE])
def test_a_version_shows_what_was_written_in_another(name: str, version: str) -> None:
    """Every version shows what it can say of what was written in any."""
    assert comparable(DEFAULTING[name]["read_as"][version]) == read_as(name, version)


@pytest.mark.parametrize(("name", "version"), sorted(OTHERWISE))
def test_a_listed_reading_differs(name: str, version: str) -> None:
    """An entry of the table that no longer differs must leave it."""
    assert comparable(DEFAULTING[name]["read_as"][version]) != read_as(name, version)
