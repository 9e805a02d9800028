"""Admission and defaulting against what Knative answered to the same requests.

What we answer differently, and why, is in `difference.py`: everything else must agree in verdict, in words, in the
paths they speak of, and in what is stored.
"""

import pytest

from tests.eventing.resources.difference import BROKERS, EVENT_TYPES, MESSAGING, SOURCE_KINDS, SOURCES, TRUE_PATH
from tests.eventing.resources.recorded import ours, recorded, theirs

KINDS = ("Broker", "Trigger", "EventType", "Channel", "InMemoryChannel", "Subscription", *SOURCE_KINDS)
TABLES = (BROKERS, EVENT_TYPES, MESSAGING, SOURCES)
ADMISSION = recorded("admission.json", KINDS)
DEFAULTING = recorded("defaulting.json", KINDS)
DIFFERENT = {name for table in TABLES for names in table.values() for name in names}
STORED_WHOLE = {"EventType v1beta3 full", "EventType v1beta3 with extensions, variables, reference"}
"""Creations that Knative does not store whole."""


@pytest.mark.parametrize("name", sorted(ADMISSION.keys() - DIFFERENT))
def test_an_admission_is_answered_as_recorded(name: str) -> None:
    """The same verdict, the same words about the same paths, the same object stored, the same warnings."""
    assert theirs(ADMISSION[name]) == ours(ADMISSION[name])


@pytest.mark.parametrize("name", sorted(DEFAULTING.keys() - STORED_WHOLE))
def test_defaults_are_filled_in_as_recorded(name: str) -> None:
    """What the API server stored for a creation, under the shipped defaults or others."""
    assert theirs(DEFAULTING[name]) == ours(DEFAULTING[name])


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_a_listed_difference_is_one(name: str) -> None:
    """An entry of the table that no longer differs, or names no case, must leave it."""
    assert theirs(ADMISSION[name]) != ours(ADMISSION[name])


@pytest.mark.parametrize("name", sorted(STORED_WHOLE))
def test_what_knative_stores_in_part_is_stored_whole(name: str) -> None:
    """A creation that is stored alike must leave the set."""
    assert theirs(DEFAULTING[name]) != ours(DEFAULTING[name])


@pytest.mark.parametrize("name", [name for table in TABLES for name in table[TRUE_PATH]])
def test_a_true_path_changes_no_verdict(name: str) -> None:
    """Where only the path differs, both refuse."""
    assert ours(ADMISSION[name]).faults
    assert ADMISSION[name]["http_status"] == 400
