"""Channels and Subscriptions: admission and defaulting against what Knative answered to the same requests.

What we answer differently, and why, is in `DIFFERENCES`: everything else must agree in verdict, in words, in the paths
they speak of, and in what is stored.
"""

import pytest

from tests.eventing.resources.recorded import ours, recorded, theirs

KINDS = ("Channel", "InMemoryChannel", "Subscription")
ADMISSION = recorded("admission.json", KINDS)
DEFAULTING = recorded("defaulting.json", KINDS)
DIFFERENCES: dict[str, tuple[str, ...]] = {
    "the true path": (
        "Channel: update adds subscribers",
        "Channel: update of template",
        "Channel: update of template spec",
        "InMemoryChannel: bad scope",
        "InMemoryChannel: empty scope",
        "InMemoryChannel: subscriber generation string",
        "InMemoryChannel: subscriber without any uri",
        "InMemoryChannel: two bad subscribers",
        "Subscription: subscriber uri not parseable",
        "Subscription: reply uri not parseable",
        "Subscription: update of channel kind",
    ),
    "a delivery is valid wherever it stands": (
        "InMemoryChannel: bad backoffDelay",
        "InMemoryChannel: bad backoffPolicy",
        "InMemoryChannel: negative retry",
    ),
    "an unknown field is pruned with a warning, wherever it is": (
        "Subscription: channel with unknown field",
        "Subscription: delivery unknown field",
    ),
    "certificates are PEM": ("Subscription: subscriber bad CACerts", "Subscription: reply bad CACerts"),
    "a reference has an apiVersion; the group alone is no feature here": (
        "Subscription: channel with group, feature on",
        "Subscription: subscriber ref with group instead of apiVersion",
    ),
    "a Subscription and its channel share a namespace: links across are no feature here": (
        "Subscription: channel in other namespace, feature on",
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
