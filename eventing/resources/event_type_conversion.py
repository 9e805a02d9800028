"""EventType between its versions: v1beta1 and v1beta2 have a field for each attribute, v1beta3 has a list of them.

What is stored is wider than each: v1beta2's fields, and beside them `attributes` and `variables` as v1beta3 gave them
where they say more than the fields do. So a version shows what it can say, and a write in it keeps what it cannot.
Source: Knative's conversions of EventType, which store v1beta2 and lose the rest. Pure.
"""

from collections.abc import Iterable
from typing import Final

from eventing.resources.identity import Object

_FIELDS: Final = {"type": "type", "source": "source", "schemadata": "schema"}
"""Attributes that v1beta1 and v1beta2 have a field for, and the field."""
_NAMES: Final = ("specversion", "id", "type", "source", "schemadata")
"""Attributes in the order in which they are shown, before all others."""
REQUIRED: Final = _NAMES[:4]
"""Attributes that every event has: v1beta3 shows them whoever wrote them."""
_ONLY_LISTED: Final = ("attributes", "variables")
_BROKER_API_VERSION: Final = "eventing.knative.dev/v1"


def broker_reference(broker: str, namespace: str) -> Object:
    """The reference that says what `broker` says."""
    return {"apiVersion": _BROKER_API_VERSION, "kind": "Broker", "name": broker, "namespace": namespace}


def ordered(attributes: Iterable[Object]) -> list[Object]:
    """Attributes in the order in which they are shown; those that every event has are added where they are missing."""
    found = list(attributes)
    names = [attribute["name"] for attribute in found]
    found += [{"name": name, "required": True} for name in REQUIRED if name not in names]
    return sorted(found, key=lambda attribute: _rank(attribute["name"]))


def fields_from_stored(item: Object) -> Object:
    """The stored object as v1beta1 and v1beta2 show it."""
    return item | {"spec": {name: value for name, value in item["spec"].items() if name not in _ONLY_LISTED}}


def fields_to_stored(item: Object, old: Object | None) -> Object:
    """What to store for an object of v1beta1 or v1beta2: what only v1beta3 can say stays as it is."""
    kept = {name: value for name, value in _spec(old).items() if name in _ONLY_LISTED}
    return item | {"spec": {**kept, **item["spec"]}}


def list_from_stored(item: Object) -> Object:
    """The stored object as v1beta3 shows it. A Broker's name is shown as a reference to it."""
    spec = item["spec"]
    shown = {name: spec[name] for name in ("reference", "description", "variables") if name in spec}
    if "reference" not in shown and spec.get("broker"):
        shown["reference"] = broker_reference(spec["broker"], item["metadata"]["namespace"])
    return item | {"spec": shown | {"attributes": _attributes(spec)}}


def list_to_stored(item: Object, old: Object | None) -> Object:
    """What to store for an object of v1beta3: the schema's text stays as it is, and so does the name of a Broker as
    long as the reference that shows it does.
    """
    given, was = item["spec"], _spec(old)
    spec = {name: given[name] for name in ("reference", "description", "variables") if name in given}
    spec |= {name: was[name] for name in ("schemaData",) if name in was}
    if "broker" in was and "reference" in was:
        spec["broker"] = was["broker"]
    elif "broker" in was and given.get("reference") == broker_reference(was["broker"], item["metadata"]["namespace"]):
        spec["broker"] = was["broker"]
        del spec["reference"]
    spec |= _valued(given["attributes"])
    if given["attributes"] != _attributes(spec):
        spec["attributes"] = given["attributes"]
    return item | {"spec": spec}


def _spec(item: Object | None) -> Object:
    return item["spec"] if item else {}


def _valued(attributes: Iterable[Object]) -> Object:
    """The fields that say what these attributes say."""
    by_name = {attribute["name"]: attribute.get("value") for attribute in attributes}
    return {field: by_name[name] for name, field in _FIELDS.items() if by_name.get(name)}


def _attributes(spec: Object) -> list[Object]:
    """The attributes of a stored spec: those that were listed, with the values that the fields have."""
    found = {attribute["name"]: dict(attribute) for attribute in spec.get("attributes", [])}
    for name, field in _FIELDS.items():
        if spec.get(field):
            attribute = found.setdefault(name, {"name": name, "required": name in REQUIRED})
            attribute["value"] = spec[field]
        elif name in found:
            found[name].pop("value", None)
    return ordered(found.values())


def _rank(name: str) -> int:
    return _NAMES.index(name) if name in _NAMES else len(_NAMES)
