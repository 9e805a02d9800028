"""GitHubSource. No recordings of it exist."""

from typing import Any

import pytest

from eventing.resources.github_source import GITHUB_SOURCE
from tests.eventing.resources.request import admitted, faults, of_kind

KIND = GITHUB_SOURCE
SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}
SPEC: dict[str, Any] = {
    "ownerAndRepository": "o/r",
    "eventTypes": ["push"],
    "accessToken": SECRET,
    "secretToken": SECRET,
    "sink": {"uri": "http://a/"},
}


def test_events_may_be_those_that_github_invents() -> None:
    """Knative knows 34."""
    spec = SPEC | {"eventTypes": ["push", "workflow_run", "secret_scanning_alert2"]}
    assert admitted(KIND, of_kind(KIND, spec))["spec"] == spec


@pytest.mark.parametrize("event", ["", "Push", "dev.knative.source.github.push", "pull request", "*"])
def test_an_event_has_a_name_of_github(event: str) -> None:
    """Small letters, digits and underscores."""
    told = faults(KIND, of_kind(KIND, SPEC | {"eventTypes": ["push", event]}))
    assert told == [f"spec.eventTypes[1]: invalid value: {event}"]


@pytest.mark.parametrize("name", ["ownerAndRepository", "eventTypes", "accessToken", "secretToken"])
def test_what_must_be_said_is_missing(name: str) -> None:
    """Absent or empty."""
    without = {other: value for other, value in SPEC.items() if other != name}
    assert faults(KIND, of_kind(KIND, without)) == [f"spec.{name}: missing field(s)"]
    assert faults(KIND, of_kind(KIND, SPEC | {name: type(SPEC[name])()})) == [f"spec.{name}: missing field(s)"]
    item = of_kind(KIND)
    del item["spec"]
    assert f"spec.{name}: missing field(s)" in faults(KIND, item)


def test_a_secret_is_named_with_its_entry() -> None:
    """Neither may be empty."""
    spec = SPEC | {"accessToken": {"secretKeyRef": {"name": "", "key": ""}}}
    assert faults(KIND, of_kind(KIND, spec)) == [
        "spec.accessToken.secretKeyRef.key: missing field(s)",
        "spec.accessToken.secretKeyRef.name: missing field(s)",
    ]
