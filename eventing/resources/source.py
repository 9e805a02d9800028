"""What sources of every kind share: a sink, overrides, their status, and the view that its sink is resolved by.

Source: Knative's SourceSpec and SourceStatus (apis/duck/v1). Pure.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from channels.attribute import is_name
from dispatcher.fault import FieldError, at, shown
from eventing.resources.duck import ACCOUNTS, DESTINATION, STATUS, Destination, validate_destination
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import AGE_COLUMN, Column
from eventing.resources.schema import MISSING, STRING, Node, array, mapping, record, string

SOURCE_LABELS: Final = {"eventing.knative.dev/source": "true", "duck.knative.dev/source": "true"}
REGISTRY_ANNOTATION: Final = "registry.knative.dev/eventTypes"
SINK_COLUMN: Final = Column("Sink", ".status.sinkUri")
_READY: Final = ".status.conditions[?(@.type=='Ready')]"
READY_COLUMN: Final = Column("Ready", f"{_READY}.status")
REASON_COLUMN: Final = Column("Reason", f"{_READY}.reason")
"""Some of Knative's sources quote so: clients see the path."""
CE_OVERRIDES: Final = record(
    {"extensions": mapping(STRING, "Extensions by name, lower-case letters and digits, and what each is set to.")},
    "What is set in each event that the source sends.",
)
SOURCE: Final[dict[str, Node]] = {
    "sink": DESTINATION.described("Where events are sent."),
    "ceOverrides": CE_OVERRIDES,
}
"""The spec of a source."""
SOURCE_STATUS: Final[dict[str, Node]] = {
    **STATUS,
    "sinkUri": string("Where events are sent, resolved."),
    "sinkCACerts": string("Certificates to trust there, in PEM."),
    "sinkAudience": string("The audience of tokens for it."),
    "ceAttributes": array(
        record({"type": string("The type."), "source": string("The source.")}, "Attributes that go together."),
        "Which types of events there will be, from which sources.",
    ),
    "auth": ACCOUNTS,
}
"""The status of a source."""


@dataclass(frozen=True, slots=True)
class Source:
    """The view of a source that was admitted, of whatever kind."""

    key: Key
    uid: str
    generation: int
    sink: Destination
    extensions: Mapping[str, str]
    """What is set in each event."""

    @classmethod
    def of(cls, item: Object) -> Self:
        """The view of that object."""
        key, metadata, spec = key_of(item), item["metadata"], item["spec"]
        return cls(
            key,
            metadata.get("uid", ""),
            metadata.get("generation", 0),
            Destination.of(spec["sink"], key.namespace),
            spec.get("ceOverrides", {}).get("extensions", {}),
        )


def validate_source(spec: Object) -> Iterator[FieldError]:
    """Everything wrong with what sources share."""
    yield from validate_destination(spec.get("sink", {}), "spec.sink")
    for name in spec.get("ceOverrides", {}).get("extensions", {}):
        if not is_name(name):
            rule = "keys are expected to be alphanumeric" if name else "keys MUST NOT be empty"
            yield FieldError("spec.ceOverrides.extensions", f'invalid key name "{shown(name)}": {rule}')


def validate_type(named: Object, path: str) -> Iterator[FieldError]:
    """A kind by name in a version, which may be empty."""
    if named.get("apiVersion", "").count("/") > 1:
        yield FieldError(at(path, "apiVersion"), f"invalid value: {shown(named['apiVersion'])}")
    if not named.get("kind", "").strip():
        yield FieldError(at(path, "kind"), MISSING)


def registry(types: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The annotation of a CRD that lists types of events, each with a description."""
    found = [{"type": name, **({"description": text} if text else {})} for name, text in types]
    return {REGISTRY_ANNOTATION: json.dumps(found, indent=2) + "\n"}


SOURCE_COLUMNS: Final = (SINK_COLUMN, AGE_COLUMN, READY_COLUMN, REASON_COLUMN)
