"""The kinds of Kubernetes' core group, so that references and secrets resolve in a server without a cluster.

Only what is asked of them is declared; the rest of a Service or Namespace is kept as it came.
Source: the core/v1 API. Pure.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from dispatcher.fault import FieldError, at, shown
from eventing.resources.identity import Object
from eventing.resources.kind import Column, Context, Kind
from eventing.resources.metadata import is_subdomain
from eventing.resources.schema import ANYTHING, BOOLEAN, INT32, OPEN, STRING, array, mapping, record

_PORT: Final = record({"name": STRING, "port": INT32, "targetPort": ANYTHING}, required=("port",), is_open=True)
_AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")
_PORT_MAX: Final = 65535


def _validate_service(item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    spec = item.get("spec", {})
    errors = []
    name = spec.get("externalName")
    if spec.get("type") == "ExternalName" and not name:
        errors.append(FieldError("spec.externalName", "Required value"))
    elif name and not is_subdomain(name):
        reason = f'Invalid value: "{shown(name)}": must be a lowercase RFC 1123 subdomain'
        errors.append(FieldError("spec.externalName", reason))
    for index, port in enumerate(spec.get("ports", [])):
        if not 0 < port["port"] <= _PORT_MAX:
            reason = f"Invalid value: {port['port']}: must be between 1 and {_PORT_MAX}, inclusive"
            errors.append(FieldError(at("spec.ports", index, "port"), reason))
    return errors


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


def _validate_base64(data: Object, path: str) -> Iterator[FieldError]:
    for name, text in data.items():
        try:
            base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            yield FieldError(at(path, name), "Invalid value: must be base64")


NAMESPACE: Final = Kind(
    group="",
    version="v1",
    name="Namespace",
    plural="namespaces",
    short_names=("ns",),
    columns=(Column("Status", ".status.phase"), _AGE),
    is_namespaced=False,
    fields={"spec": OPEN, "status": OPEN},
)
SECRET: Final = Kind(
    group="",
    version="v1",
    name="Secret",
    plural="secrets",
    columns=(Column("Type", ".type"), _AGE),
    fields={"type": STRING, "data": mapping(STRING), "stringData": mapping(STRING), "immutable": BOOLEAN},
    default=_default_secret,
    validate=_validate_data,
)
CONFIG_MAP: Final = Kind(
    group="",
    version="v1",
    name="ConfigMap",
    plural="configmaps",
    short_names=("cm",),
    columns=(_AGE,),
    fields={"data": mapping(STRING), "binaryData": mapping(STRING), "immutable": BOOLEAN},
    validate=_validate_data,
)
SERVICE: Final = Kind(
    group="",
    version="v1",
    name="Service",
    plural="services",
    short_names=("svc",),
    categories=("all",),
    columns=(Column("Type", ".spec.type"), Column("External-IP", ".spec.externalName"), _AGE),
    fields={
        "spec": record({"type": STRING, "externalName": STRING, "ports": array(_PORT)}, is_open=True),
        "status": OPEN,
    },
    validate=_validate_service,
)
