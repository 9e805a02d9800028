"""Brokers and Triggers: admission and defaulting against what Knative answered to the same requests.

What we answer differently, and why, is in `DIFFERENCES`: everything else must agree in verdict, in words, in the paths
they speak of, and in what is stored.
"""

import pytest

from tests.eventing.resources.recorded import ours, recorded, theirs

KINDS = ("Broker", "Trigger")
ADMISSION = recorded("admission.json", KINDS)
DEFAULTING = recorded("defaulting.json", KINDS)
DIALECTS = ("exact", "prefix", "suffix")
DIFFERENCES: dict[str, tuple[str, ...]] = {
    "the true path": (
        "Broker: empty class",
        "Broker: update of class",
        "Broker: update of config and class",
        "Trigger: brokerRef with namespace, feature off",
        "Trigger: unknown field strict",
        "Trigger: update of broker",
        "Trigger: update removes broker",
        "Trigger: update of broker to empty",
        "Trigger: filters deep nesting, bad at the bottom",
        "Trigger: filters first and third bad",
        "Trigger: filters two dialects exact prefix",
        "Trigger: filters two dialects all any",
        "Trigger: filters two dialects not cesql",
        "Trigger: filters two dialects inside not",
        "Trigger: filter value number",
        *(f"Trigger: filters {dialect} is a string" for dialect in DIALECTS),
        "Trigger: filters all is a map",
        "Trigger: filters any is a map",
        "Trigger: filters not is a list",
        "Trigger: filters cesql is a number",
    ),
    "a duration is not negative": ("Broker: delivery negative backoffDelay", "Broker: delivery negative timeout"),
    "an unknown field is pruned with a warning, wherever it is": ("Broker: delivery unknown field",),
    "a reference names something": ("Trigger: brokerRef empty",),
    "certificates are PEM": ("Trigger: subscriber bad CACerts",),
    "a filter that says nothing is refused: Knative lets everything pass": (
        *(f"Trigger: filters {dialect} empty map" for dialect in DIALECTS),
        *(f"Trigger: filters {dialect} empty value" for dialect in DIALECTS),
        "Trigger: filters all empty list",
        "Trigger: filters all with empty element",
        "Trigger: filters any empty list",
        "Trigger: filters any with empty element",
        "Trigger: filters not empty",
        "Trigger: filters empty element",
    ),
    "a misspelt dialect is refused, not pruned": ("Trigger: filters unknown dialect",),
    "an expression is Boolean": (
        "Trigger: filters cesql 1",
        "Trigger: filters cesql 'a'",
        "Trigger: filters cesql LENGTH(type)",
    ),
    "an expression calls functions that exist, as they are": (
        "Trigger: filters cesql LENGTH()",
        "Trigger: filters cesql LENGTH(type, 1)",
        "Trigger: filters cesql KN_VERIFY_CORRELATION_ID(id, 'r', 'demo', 'k', 1, 2)",
        "Trigger: filters cesql KN_VERIFY_CORRELATION_ID()",
    ),
    "a quote within a string is escaped by a backslash": ("Trigger: filters cesql type = 'it''s'",),
    "timeouts are no feature to be switched off": (
        "Broker: timeout while the feature is off",
        "Broker: bad timeout while the feature is off",
    ),
    "a reference has an apiVersion; the group alone is no feature here": (
        "Trigger: subscriber ref with group, feature on",
    ),
    "a Trigger and its Broker share a namespace: links across are no feature here": (
        "Trigger: brokerRef without namespace, feature on",
        "Trigger: brokerRef with namespace, feature on, user without knsubscribe",
        "Trigger: brokerRef own namespace, feature on, ordinary user",
        "Trigger: brokerRef without namespace, feature on, ordinary user",
    ),
}
"""Why, and in which cases, we answer differently."""
DIFFERENT = {name for names in DIFFERENCES.values() for name in names}


@pytest.mark.parametrize("name", sorted(ADMISSION.keys() - DIFFERENT))
def test_an_admission_is_answered_as_recorded(name: str) -> None:
    """The same verdict, the same words about the same paths, the same object stored, the same warnings."""
    assert theirs(ADMISSION[name]) == ours(ADMISSION[name])


@pytest.mark.parametrize("name", sorted(DEFAULTING))
def test_defaults_are_filled_in_as_recorded(name: str) -> None:
    """What the API server stored for a creation, under the shipped defaults or others."""
    assert theirs(DEFAULTING[name]) == ours(DEFAULTING[name])


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_a_listed_difference_is_one(name: str) -> None:
    """An entry of the table that no longer differs, or names no case, must leave it."""
    assert theirs(ADMISSION[name]) != ours(ADMISSION[name])


@pytest.mark.parametrize("name", DIFFERENCES["the true path"])
def test_a_true_path_changes_no_verdict(name: str) -> None:
    """Where only the path differs, both refuse."""
    assert ours(ADMISSION[name]).faults
    assert ADMISSION[name]["http_status"] == 400
