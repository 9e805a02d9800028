"""EventType: what a producer says about the events it sends, so that people find out what they can have.

Source: Knative's eventing.knative.dev EventType in v1beta1, v1beta2 and v1beta3: its CRD, defaulting, validation and
the words of all three. Pure.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from channels.attribute import is_name
from dispatcher.fault import FieldError, at, shown
from eventing.resources.duck import REFERENCE, STATUS, Reference, validate_reference
from eventing.resources.event_type_conversion import (
    broker_reference,
    fields_from_stored,
    fields_to_stored,
    list_from_stored,
    list_to_stored,
    ordered,
)
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import READY_COLUMNS, Column, Context, Kind, Version
from eventing.resources.schema import BOOLEAN, MISSING, Node, array, record, string

CONDITIONS: Final = ("ReferenceExists",)
"""What an EventType's Ready depends on."""
DEPRECATION: Final = (
    "eventing.knative.dev/v1beta1 EventType is deprecated; see "
    "https://knative.dev/docs/eventing/event-registry/ for instructions to migrate to "
    "eventing.knative.dev/v1beta2 EventType"
)
_URIS: Final = ("source", "schema")


@dataclass(frozen=True, slots=True)
class EventType:
    """The view of an EventType that was admitted."""

    key: Key
    uid: str
    generation: int
    type: str
    source: str
    reference: Reference | None
    """Where such events can be had; a Broker that is only named counts."""

    @classmethod
    def of(cls, item: Object) -> Self:
        """The view of that object, as it is stored."""
        key, metadata, spec = key_of(item), item["metadata"], item["spec"]
        ref = spec.get("reference")
        if not ref and spec.get("broker"):
            ref = broker_reference(spec["broker"], key.namespace)
        return cls(
            key,
            metadata.get("uid", ""),
            metadata.get("generation", 0),
            spec["type"],
            spec.get("source", ""),
            Reference.of(ref, key.namespace) if ref else None,
        )


def _default_reference(item: Object, _context: Context) -> None:
    ref = item.setdefault("spec", {}).get("reference")
    if ref and not ref.get("namespace"):
        ref["namespace"] = item["metadata"]["namespace"]


def _default_broker(item: Object, context: Context) -> None:
    """v1beta1 makes of a Broker's name a reference to it; a reference that is there counts more."""
    broker = item.setdefault("spec", {}).pop("broker", "")
    if broker:
        item["spec"].setdefault("reference", broker_reference(broker, item["metadata"]["namespace"]))
    _default_reference(item, context)


def _default_attributes(item: Object, context: Context) -> None:
    _default_reference(item, context)
    attributes = item["spec"].get("attributes", [])
    for attribute in attributes:
        attribute.setdefault("required", False)
        if attribute.get("value") == "":
            del attribute["value"]
    item["spec"]["attributes"] = ordered(attributes)


def _validate(item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    spec = item["spec"]
    errors = [*_validate_reference(spec)]
    if not spec.get("type"):
        errors.append(FieldError("spec.type", MISSING))
    errors += [
        FieldError(at("spec", name), f"invalid value: {shown(spec[name])}")
        for name in _URIS
        if not _is_uri(spec.get(name, ""))
    ]
    return errors


def _validate_first(item: Object, old: Object | None, context: Context) -> list[FieldError]:
    """v1beta1 refuses addresses that are empty as well; later versions take them for absent."""
    empty = [name for name in _URIS if item["spec"].get(name) == ""]
    errors = [FieldError(at("spec", name), f"invalid value: : {name} URI cannot be empty") for name in empty]
    return errors + _validate(item, old, context)


def _validate_listed(item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    attributes = item["spec"]["attributes"]
    errors = [*_validate_reference(item["spec"]), *_validate_attributes(attributes)]
    if not any(attribute["name"] == "type" and attribute.get("value") for attribute in attributes):
        errors.append(FieldError("spec.attributes", f"{MISSING}: the value of `type`"))
    return errors


def _validate_attributes(attributes: list[Object]) -> Iterator[FieldError]:
    seen = set()
    for index, attribute in enumerate(attributes):
        path, name = at("spec.attributes", index, "name"), attribute["name"]
        if not is_name(name):
            yield FieldError(path, f'invalid key name "{shown(name)}"')
        if name in seen:
            yield FieldError(path, f'Duplicate value: "{shown(name)}"')
        seen.add(name)


def _validate_reference(spec: Object) -> Iterator[FieldError]:
    if "reference" in spec:
        yield from validate_reference(spec["reference"], "spec.reference")


def _is_uri(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return text.isprintable()


_REFERENCE: Final = record(
    {
        **REFERENCE.properties,
        "address": string("Which of its addresses is meant, by name. Empty for the first."),
    },
    "The object that such events can be had from: a Broker, a Channel, a source.",
)
_DESCRIPTION: Final = string("What such an event means, for people.")
_STATUS: Final = record(STATUS, "What the server says about it.")
_SPEC: Final = "What the events are, and where they can be had."
_FIELDS: Final[dict[str, Node]] = {
    "spec": record(
        {
            "type": string("The events' `type`. Must be given."),
            "source": string("The events' `source`: a URI or a part of one. Empty where it varies."),
            "schema": string("The address of the schema that the events' data has."),
            "schemaData": string("The schema itself, as text."),
            "broker": string("A Broker of the same namespace, by name. `reference` says the same and more."),
            "reference": _REFERENCE,
            "description": _DESCRIPTION,
        },
        _SPEC,
    ),
    "status": _STATUS,
}
_ATTRIBUTE: Final = record(
    {
        "name": string("The attribute's name: small letters and digits."),
        "required": BOOLEAN.described("True where every such event has it. False unless it is said."),
        "value": string("Its value. Parts in braces vary: `/orders/{id}`. Empty where all of it does."),
    },
    "One attribute of the events.",
    required=("name",),
)
_VARIABLE: Final = record(
    {
        "name": string("What stands in braces in a value."),
        "pattern": string("A regular expression that what stands there matches."),
        "example": string("Something that could stand there."),
    },
    "A part of a value that varies.",
    required=("name",),
)
_LISTED: Final[dict[str, Node]] = {
    "spec": record(
        {
            "attributes": array(
                _ATTRIBUTE,
                "The events' attributes, each named once. `type` must have a value; `specversion`, `id` and `source` "
                "are added where they are missing. The address of the data's schema is that of `schemadata`.",
                list_type="map",
                list_keys=("name",),
            ),
            "variables": array(
                _VARIABLE, "What stands in braces in the attributes' values.", list_type="map", list_keys=("name",)
            ),
            "reference": _REFERENCE,
            "description": _DESCRIPTION,
        },
        _SPEC,
    ),
    "status": _STATUS,
}


def _columns(first: tuple[Column, ...]) -> tuple[Column, ...]:
    return (
        *first,
        Column("Reference Name", ".spec.reference.name"),
        Column("Reference Kind", ".spec.reference.kind"),
        Column("Description", ".spec.description"),
        *READY_COLUMNS,
    )


_COLUMNS: Final = _columns(
    (Column("Type", ".spec.type"), Column("Source", ".spec.source"), Column("Schema", ".spec.schema"))
)
_LISTED_COLUMNS: Final = _columns(
    (
        Column("Type", ".spec.attributes[?(@.name=='type')].value"),
        Column("Source", ".spec.attributes[?(@.name=='source')].value"),
    )
)


def _with_fields(name: str, default: Callable[[Object, Context], None], **details: Any) -> Version:
    """One of the versions that have a field for each attribute."""
    return Version(
        name,
        _FIELDS,
        _COLUMNS,
        default=default,
        to_stored=fields_to_stored,
        from_stored=fields_from_stored,
        **details,
    )


EVENT_TYPE: Final = Kind(
    group="eventing.knative.dev",
    version="v1beta2",
    name="EventType",
    plural="eventtypes",
    description="Says that events of a type can be had somewhere. Nothing depends on it: it is for people who look.",
    others=(
        _with_fields("v1beta2", _default_reference, validate=_validate),
        _with_fields("v1beta1", _default_broker, validate=_validate_first, deprecation=DEPRECATION),
        Version(
            "v1beta3",
            _LISTED,
            _LISTED_COLUMNS,
            default=_default_attributes,
            validate=_validate_listed,
            to_stored=list_to_stored,
            from_stored=list_from_stored,
        ),
    ),
    order=("v1beta3", "v1beta2", "v1beta1"),
    categories=("all", "knative", "eventing"),
    columns=_COLUMNS,
    fields=_FIELDS,
    default=_default_reference,
    validate=_validate,
)
