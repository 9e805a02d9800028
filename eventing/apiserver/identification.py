"""Whether an object that a client sent is the one that its path means, and filled in from the path what it left out.

Source: Kubernetes' request handlers, whose words these are. Pure.
"""

from typing import Any, Final

from dispatcher.fault import kind_of, shown
from eventing.apiserver.refusal import Refused, bad_request
from eventing.apiserver.target import Target
from eventing.resources.identity import Object
from eventing.resources.kind import Served

SUFFIX_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""What generated names end in: no vowels, nothing that looks alike (apimachinery's `rand`)."""
SUFFIX_CHARACTERS: Final = 5
BASE_MAX_CHARACTERS: Final = 63 - SUFFIX_CHARACTERS


def identified(given: object, target: Target) -> Object:
    """The object with the apiVersion, kind, namespace and name of its path. Raises Refused (400)."""
    served = target.served
    if not isinstance(given, dict):
        raise _unrecognized(served, f"expected a map, got {kind_of(given)}")
    metadata = given.get("metadata")
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, dict):
        raise _cannot_be_handled(given, served, f"metadata: expected a map, got {kind_of(metadata)}")
    _check_type(given, served)
    metadata = {**metadata, **_namespace(metadata, target)}
    if target.name and metadata.get("name") != target.name:
        name = shown(str(metadata.get("name", "")))
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({target.name})")
    return {**given, "apiVersion": served.api_version, "kind": served.kind.name, "metadata": metadata}


def strict_fault(given: Object, served: Served, warnings: tuple[str, ...]) -> Refused:
    """The refusal of an object with unknown fields, where the client asked for it."""
    return _cannot_be_handled(given, served, f"strict decoding error: {', '.join(warnings)}")


def _check_type(given: dict[str, Any], served: Served) -> None:
    api_version, kind = given.get("apiVersion", served.api_version), given.get("kind", served.kind.name)
    if kind != served.kind.name:
        raise _cannot_be_handled(given, served, f"the path is one of {served.kind.name}")
    if api_version != served.api_version:
        raise bad_request(
            f"the API version in the data ({shown(str(api_version))}) does not match the expected API version "
            f"({served.api_version})"
        )


def _namespace(metadata: dict[str, Any], target: Target) -> dict[str, str]:
    namespace = metadata.get("namespace") or ""
    if namespace not in ("", target.namespace or ""):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return {"namespace": target.namespace} if target.namespace else {}


def _unrecognized(served: Served, why: str) -> Refused:
    return bad_request(f"the object provided is unrecognized (must be of type {served.kind.name}): {why}")


def _cannot_be_handled(given: dict[str, Any], served: Served, why: str) -> Refused:
    kind = shown(str(given.get("kind", served.kind.name)))
    version = shown(str(given.get("apiVersion", served.api_version)).rpartition("/")[2])
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {served.kind.name}: {why}')
