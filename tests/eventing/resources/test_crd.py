"""CustomResourceDefinitions: the same as Knative's but for what is listed here, and good enough for an API server."""

import json
import re
from dataclasses import replace

import pytest

from eventing.resources.broker import BROKER
from eventing.resources.catalogue import KINDS
from eventing.resources.crd import LABELS, crd_of, served_crd_of
from eventing.resources.kind import Column, Kind
from tests.eventing.resources.knative_schema import Declared, listed, ours

KNATIVE = listed()
DEFINED = [kind for kind in KINDS if kind.group]
SHARED = [kind for kind in DEFINED if kind.name in KNATIVE]
DIFFERENCES = {
    "what every object has is declared": r"\w+ (apiVersion|kind|metadata): \+\w+",
    "a level that declares fields is closed, so that a misspelt one is told of": (
        r"\w+ (spec|spec\.channel|spec\.subscriber\.ref|\S*delivery): -open"
    ),
    "annotations, labels and extensions are texts": (
        r"\w+ \S+\.(annotations|matchLabels|extensions): ((\+map of string )?-open|-REQUIRED)"
    ),
    "timeouts, formats and bounds of Retry-After are no features to be switched on": (
        r"\w+ \S*delivery\.(format|retryAfterMax|timeout): \+.*"
    ),
    "every place that events are sent to may have certificates and an audience": (
        r"\w+ \S*(deadLetterSink|sink)\.(CACerts|audience): \+.*"
    ),
    "all kinds of channels have the same subscribers and addresses": (
        r"\w*Channel (spec\.subscribers\[\]\.namespace: \+.*|status\.address\.url: -REQUIRED)"
    ),
    "an identity may have several accounts everywhere": r"\w+ \S*auth\.serviceAccountNames: \+.*",
    "variables of attributes are stored": r"EventType spec\.variables\S*: \+.*",
    "the filters of an ApiServerSource are declared": r"ApiServerSource spec\.filters: \+.*",
    "both versions of KafkaSource declare the same": r"KafkaSource spec\.net\.sasl\.(roleARN|tokenProvider)\S*: \+.*",
    "a reference is by apiVersion, and to the first address": r"KafkaSource \S+\.ref\.(group|address): -.*",
    "a GitHubSource has the status of every source": (
        r"GitHubSource status\.(annotations|auth|ceAttributes|observedGeneration|sinkAudience|sinkCACerts)\S*: \+.*"
    ),
    "bounds of a value are told by admission, in Knative's words": (
        r"(\w+ \S+\.ref\.\w+|GitHubSource \S+): (-REQUIRED)?( ?-minLength=1| ?-uri)*"
        r"|KafkaChannel spec\.\w+: \+minimum=1( -maximum=32767)?"
    ),
}
"""Why, and at which fields, we declare something else: `Kind path: words that only Knative (-) or we (+) have`."""


def differences(kind: Kind) -> list[str]:
    theirs, mine = KNATIVE[kind.name], ours(crd_of(kind))
    return sorted(
        {
            f"{kind.name} {line}"
            for name in theirs.versions
            for line in changed(theirs.versions[name], mine.versions[name])
        }
    )


def changed(theirs: Declared, mine: Declared) -> list[str]:
    found = []
    for path in theirs.fields.keys() | mine.fields.keys():
        old, new = theirs.fields.get(path, frozenset()), mine.fields.get(path, frozenset())
        words = [*(f"+{word}" for word in sorted(new - old)), *(f"-{word}" for word in sorted(old - new))]
        found += [f"{path}: {' '.join(words)}"] if words else []
    return found


@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.name)
def test_names_and_columns_are_those_of_knative(kind: Kind) -> None:
    """Clients find kinds by them; `kubectl get` shows the same tables."""
    theirs, mine = KNATIVE[kind.name], ours(crd_of(kind))
    assert theirs.names == mine.names
    assert {name: version.columns for name, version in theirs.versions.items()} == {
        name: version.columns for name, version in mine.versions.items()
    }


@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.name)
def test_ducks_are_those_of_knative(kind: Kind) -> None:
    """Labels tell what is addressable, subscribable or a source; which part of what release it is they need not."""
    kept = {name for name in KNATIVE[kind.name].labels if not name.startswith(("app.", "contrib."))}
    assert kept == set(crd_of(kind)["metadata"]["labels"]) - {"app.kubernetes.io/name"}


@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.name)
def test_sources_tell_the_types_of_their_events(kind: Kind) -> None:
    """As Knative's registry has them, in its order; descriptions are ours."""
    name = "registry.knative.dev/eventTypes"
    theirs, mine = (json.loads(found.annotations.get(name, "[]")) for found in (KNATIVE[kind.name], ours(crd_of(kind))))
    assert [one["type"] for one in theirs] == [one["type"] for one in mine]


@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.name)
def test_versions_are_those_of_knative(kind: Kind) -> None:
    """In the same order, with the same subresources, of which the same is stored."""
    theirs, mine = KNATIVE[kind.name].versions, ours(crd_of(kind)).versions
    assert list(theirs) == list(mine)
    for name, version in theirs.items():
        is_served = (kind.name, name) != ("EventType", "v1beta3")  # which nobody converts in a cluster
        assert version.flags | {"served": is_served} == mine[name].flags


@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.name)
def test_fields_are_those_of_knative(kind: Kind) -> None:
    """With the same types, formats, defaults and choices; what differs stands in the table."""
    patterns = [re.compile(pattern) for pattern in DIFFERENCES.values()]
    assert [] == [line for line in differences(kind) if not any(pattern.fullmatch(line) for pattern in patterns)]


@pytest.mark.parametrize("reason", DIFFERENCES)
def test_a_listed_difference_is_one(reason: str) -> None:
    """An entry of the table that explains nothing must leave it."""
    assert any(re.fullmatch(DIFFERENCES[reason], line) for kind in SHARED for line in differences(kind))


@pytest.mark.parametrize("kind", DEFINED, ids=lambda kind: kind.name)
def test_what_this_server_shows_serves_every_version(kind: Kind) -> None:
    """It converts by itself; clients wait for a definition to be established."""
    crd = served_crd_of(kind)
    assert all(version["served"] for version in crd["spec"]["versions"])
    assert crd["metadata"] == crd_of(kind)["metadata"]
    assert crd["metadata"]["labels"].items() >= LABELS.items()
    assert crd["status"]["storedVersions"] == [kind.version]
    assert {one["type"] for one in crd["status"]["conditions"]} == {"NamesAccepted", "Established"}


def test_a_column_says_what_it_means() -> None:
    """Where that is said; its priority where it is not shown to everybody."""
    column = Column("Extra", ".spec.extra", "integer", priority=1, description="More.")
    crd = crd_of(replace(BROKER, columns=(column,)))
    assert crd["spec"]["versions"][0]["additionalPrinterColumns"] == [
        {"name": "Extra", "type": "integer", "jsonPath": ".spec.extra", "priority": 1, "description": "More."}
    ]
