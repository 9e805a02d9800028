"""From a destination to where its events go. Pure: other objects are seen through a lookup.

Source: Knative's addressable resolver: its rules and the words of its errors.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from eventing.errors import ResolutionError
from eventing.resources.broker import BROKER
from eventing.resources.catalogue import Catalogue
from eventing.resources.core import SERVICE
from eventing.resources.duck import Destination, Reference
from eventing.resources.identity import Key, Lookup, Object
from eventing.resources.kind import Kind

_HTTP_PORT: Final = 80


@dataclass(frozen=True, slots=True)
class ResolvedUri:
    """Events are POSTed there."""

    uri: str


@dataclass(frozen=True, slots=True)
class ResolvedBroker:
    """Events go into that Broker, in this process."""

    key: Key


def resolve(
    destination: Destination, lookup: Lookup, *, catalogue: Catalogue, cluster_domain: str = "cluster.local"
) -> ResolvedUri | ResolvedBroker:
    """Where a valid destination leads: a URI is taken verbatim, a relative one against its reference's address (RFC
    3986).

    Raises ResolutionError: NotFound, NotAddressable, UnknownKind.
    """
    ref = destination.ref
    if ref is None:
        return ResolvedUri(destination.uri or "")
    kind = _kind_of(ref, catalogue)
    item = lookup(ref.key)
    if item is None:
        raise ResolutionError(
            "NotFound", f"failed to get object {ref.namespace}/{ref.name}: {not_found(kind, ref.name)}"
        )
    if kind.group_kind == SERVICE.group_kind:
        address = _service_address(item, ref, cluster_domain, "https" if destination.ca_certs else "http")
        return ResolvedUri(urljoin(address, destination.uri or ""))
    if kind.group_kind != BROKER.group_kind:
        raise ResolutionError("NotAddressable", f"address not set for {_shown(ref)}")
    if destination.uri:
        raise ResolutionError(
            "NotAddressable", f"a Broker has no address but its own, not {destination.uri!r} below it"
        )
    return ResolvedBroker(ref.key)


def not_found(kind: Kind, name: str) -> str:
    """Kubernetes' words for an object that is not there."""
    resource = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
    return f'{resource} "{name}" not found'


def _kind_of(ref: Reference, catalogue: Catalogue) -> Kind:
    kind = catalogue.find(ref.api_version, ref.kind)
    if kind is None:
        known = ", ".join(f"{other.name} ({other.api_version})" for other in catalogue)
        message = f"the server knows no kind {ref.kind} in {ref.api_version}; it has {known}"
        raise ResolutionError("UnknownKind", message)
    return kind


def _service_address(item: Object, ref: Reference, cluster_domain: str, scheme: str) -> str:
    spec = item.get("spec", {})
    host = spec.get("externalName")
    if not host:
        return f"{scheme}://{ref.name}.{ref.namespace}.svc.{cluster_domain}"
    ports = spec.get("ports") or [{"port": _HTTP_PORT}]
    port = ports[0]["port"]
    return f"{scheme}://{host}" if port == _HTTP_PORT else f"{scheme}://{host}:{port}"


def _shown(ref: Reference) -> str:
    return (
        f"Kind = {ref.kind}, Namespace = {ref.namespace}, Name = {ref.name}, APIVersion = {ref.api_version}, "
        "Group = , Address = "
    )
