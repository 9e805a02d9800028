"""The `scale` subresource: an object's numbers as an `autoscaling/v1` Scale, and back. Pure."""

from typing import Final

from dispatcher.fault import FieldError
from eventing.apiserver.json_path import JsonPath
from eventing.errors import InvalidResource
from eventing.resources.identity import Object
from eventing.resources.kind import Scale
from eventing.resources.schema import INT32, OPEN, STRING, fit, record

SCALE_API_VERSION: Final = "autoscaling/v1"
_METADATA: Final = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_SCALE: Final = record(
    {
        "apiVersion": STRING,
        "kind": STRING,
        "metadata": OPEN,
        "spec": record({"replicas": INT32}),
        "status": OPEN,
    }
)


def scale_of(item: Object, scale: Scale) -> Object:
    """The object's Scale."""
    metadata = item["metadata"]
    status: Object = {"replicas": JsonPath.parse(scale.status_replicas).first(item) or 0}
    if scale.selector and (selector := JsonPath.parse(scale.selector).first(item)):
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": SCALE_API_VERSION,
        "metadata": {name: metadata[name] for name in _METADATA if name in metadata},
        "spec": {"replicas": JsonPath.parse(scale.spec_replicas).first(item) or 0},
        "status": status,
    }


def scaled(item: Object, scale: Scale, given: object) -> Object:
    """The object with the replicas of a Scale that a client sent, and the version it names. Raises InvalidResource."""
    fitted = fit(given, _SCALE)
    errors = list(fitted.errors)
    replicas = 0 if errors else fitted.value.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        errors.append(FieldError("spec.replicas", f"Invalid value: {replicas}: should be a non-negative integer"))
    if errors:
        raise InvalidResource(errors)
    spec = {**item.get("spec", {})}
    changed = {**item, "spec": spec}
    JsonPath.parse(scale.spec_replicas).put(changed, replicas)
    version = fitted.value.get("metadata", {}).get("resourceVersion")
    metadata = {name: value for name, value in item["metadata"].items() if name != "resourceVersion"}
    return {**changed, "metadata": metadata | ({"resourceVersion": version} if version else {})}
