"""Sources: admission and defaulting against what Knative answered to the same requests.

What we answer differently, and why, is in `DIFFERENCES`: everything else must agree in verdict, in words, in the paths
they speak of, and in what is stored.
"""

import pytest

from eventing.resources.admission import admit
from eventing.resources.kind import Served
from eventing.resources.ping_source import PING_SOURCE
from tests.eventing.resources.recorded import comparable, context_of, ours, recorded, theirs

KINDS = ("PingSource", "ApiServerSource", "ContainerSource", "SinkBinding")
ADMISSION = recorded("admission.json", KINDS)
DEFAULTING = recorded("defaulting.json", KINDS)
DIFFERENCES: dict[str, tuple[str, ...]] = {
    "the true path": (
        *(f"{kind}: sink uri not parseable" for kind in KINDS),
        "ApiServerSource: two bad filters, feature on",
        "ContainerSource: container empty",
        "ContainerSource: container without image",
        "ContainerSource: empty spec",
        "ContainerSource: env value number",
        "ContainerSource: no containers",
        "ContainerSource: no spec",
        "ContainerSource: second container empty",
        "PingSource: ceOverrides value number",
        "SinkBinding: subject bad selector operator",
    ),
    "what is missing is told in Knative's words, and with all else that is wrong": (
        "ApiServerSource: no resources",
        "ApiServerSource: no spec",
        "ApiServerSource: resources empty",
        "ApiServerSource: update to no resources",
    ),
    "an unknown field is pruned with a warning, wherever it is": ("ApiServerSource: disableCache",),
    "a pod template is kept as it came: whoever runs it knows its fields": (
        "ContainerSource: container unknown field",
    ),
    "filters are no feature to be switched off": ("ApiServerSource: filters while the feature is off",),
    "certificates are PEM": (
        "ApiServerSource: sink bad CACerts",
        "ContainerSource: sink bad CACerts",
        "SinkBinding: sink bad CACerts",
    ),
    "an extension has a name that events can have, whoever sets it": (
        "ContainerSource: ceOverrides bad name",
        "SinkBinding: ceOverrides bad name",
        "SinkBinding: many errors",
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


@pytest.mark.parametrize("name", [name for name, case in DEFAULTING.items() if "read_as" in case])
def test_a_stored_object_is_read_in_each_version_as_recorded(name: str) -> None:
    """And who reads the deprecated one is told so, in the same words."""
    case = DEFAULTING[name]
    given = PING_SOURCE.find_version(case["object"]["apiVersion"].rpartition("/")[2])
    assert given is not None
    stored = admit(Served(PING_SOURCE, given), case["object"], context=context_of(case)).item
    for version in PING_SOURCE.versions:
        read = PING_SOURCE.from_stored(stored, version)
        expected = case["read_as"][version.name]
        assert (expected["apiVersion"], comparable(expected)) == (read["apiVersion"], comparable(read))
        warnings = [f'299 - "{version.deprecation}"'] if version.deprecation else []
        assert case["read_as"].get(f"{version.name} warnings", []) == warnings
