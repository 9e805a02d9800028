"""The kinds of Kubernetes' core group that other objects refer to and find their settings in: Namespace, Secret,
ConfigMap. `service` and `core_event` hold the others.

Source: the core/v1 API, and the columns that Kubernetes prints for it. Pure.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from dispatcher.fault import FieldError, at
from eventing.resources.context import validate_configuration
from eventing.resources.identity import Object
from eventing.resources.kind import AGE_COLUMN, Column, Context, Kind, Version
from eventing.resources.metadata import NAMESPACE_LABEL
from eventing.resources.schema import BOOLEAN, STRING, Node, array, mapping, record, string

_IMMUTABLE: Final = BOOLEAN.described("True forbids every change of the data, and of this field. False by default.")
_CONDITION: Final = record(
    {
        "type": string("What it is about."),
        "status": string("True, False or Unknown."),
        "reason": string("Why, in one word."),
        "message": string("Why, for people."),
        "lastTransitionTime": string("When it last changed."),
    },
    "One thing that is known about the namespace.",
)


def _default_namespace(item: Object, _context: Context) -> None:
    item["metadata"].setdefault("labels", {})[NAMESPACE_LABEL] = item["metadata"].get("name", "")
    item.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])


def _show_phase(item: Object) -> Object:
    """A Namespace is there as long as it is not being deleted: nobody need write that down."""
    phase = "Terminating" if item["metadata"].get("deletionTimestamp") else "Active"
    return item | {"status": {"phase": phase, **item.get("status", {})}}


def _default_secret(item: Object, _context: Context) -> None:
    item.setdefault("type", "Opaque")
    for name, text in item.pop("stringData", {}).items():
        item.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode("ascii")


def _validate_data(item: Object, old: Object | None, _context: Context) -> list[FieldError]:
    """Binary values are base64, and what was declared immutable stays as it is."""
    binary = "data" if item["kind"] == "Secret" else "binaryData"
    errors = [*_validate_base64(item.get(binary, {}), binary)]
    if old is not None and old.get("immutable"):
        changed = [name for name in ("data", "binaryData", "immutable") if item.get(name) != old.get(name)]
        errors += [FieldError(name, "Forbidden: field is immutable when `immutable` is set") for name in changed]
    return errors


def _validate_config_map(item: Object, old: Object | None, context: Context) -> list[FieldError]:
    return [*_validate_data(item, old, context), *validate_configuration(item)]


def _validate_base64(data: Object, path: str) -> Iterator[FieldError]:
    for name, text in data.items():
        try:
            base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            yield FieldError(at(path, name), "Invalid value: must be base64")


def _entries(item: Object) -> str:
    return str(len(item.get("data", {})) + len(item.get("binaryData", {})))


_DATA_COLUMN: Final = Column("Data", cell=_entries, description="How many entries it has.")
_NAMESPACE_COLUMNS: Final = (Column("Status", ".status.phase"), AGE_COLUMN)
_NAMESPACE_FIELDS: Final[dict[str, Node]] = {
    "spec": record(
        {"finalizers": array(STRING, "What must be done before it is gone. `kubernetes` by default.")},
        "How it is deleted.",
    ),
    "status": record(
        {
            "phase": string("Active, or Terminating while it is being deleted."),
            "conditions": array(
                _CONDITION, "What keeps its deletion waiting.", list_type="map", list_keys=("type",), patch_key="type"
            ),
        },
        "Whether it is being deleted.",
    ),
}
NAMESPACE: Final = Kind(
    group="",
    version="v1",
    name="Namespace",
    plural="namespaces",
    description="A room for objects: names are unique within it. An object's namespace must exist before it.",
    short_names=("ns",),
    is_namespaced=False,
    columns=_NAMESPACE_COLUMNS,
    fields=_NAMESPACE_FIELDS,
    others=(Version("v1", _NAMESPACE_FIELDS, _NAMESPACE_COLUMNS, default=_default_namespace, from_stored=_show_phase),),
    default=_default_namespace,
)
SECRET: Final = Kind(
    group="",
    version="v1",
    name="Secret",
    plural="secrets",
    description="Values that are not for everybody's eyes: passwords, tokens, keys.",
    columns=(Column("Type", ".type"), _DATA_COLUMN, AGE_COLUMN),
    fields={
        "type": string("What the values are for. Opaque by default: anything."),
        "data": mapping(STRING, "The values, base64-encoded, by name."),
        "stringData": mapping(
            string("A value as plain text."),
            "Values to be written as text. They come before those of `data`, and are never shown.",
        ),
        "immutable": _IMMUTABLE,
    },
    default=_default_secret,
    validate=_validate_data,
)
CONFIG_MAP: Final = Kind(
    group="",
    version="v1",
    name="ConfigMap",
    plural="configmaps",
    description="Settings by name, such as the defaults of Brokers and Channels.",
    short_names=("cm",),
    columns=(_DATA_COLUMN, AGE_COLUMN),
    fields={
        "data": mapping(STRING, "The settings, by name."),
        "binaryData": mapping(STRING, "Settings that are no text, base64-encoded, by name."),
        "immutable": _IMMUTABLE,
    },
    validate=_validate_config_map,
)
