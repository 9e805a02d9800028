"""From a destination to where its events go. Pure: other objects are seen through a lookup.

Source: Knative's addressable resolver: its rules and the words of its errors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from eventing.errors import ResolutionError
from eventing.resources.catalogue import Catalogue
from eventing.resources.channel import CHANNEL, Channel
from eventing.resources.duck import Destination, Reference
from eventing.resources.identity import Key, Lookup, Object
from eventing.resources.kind import Kind
from eventing.resources.service import SERVICE

_HTTP_PORT: Final = 80


@dataclass(frozen=True, slots=True)
class ResolvedUri:
    """Events are POSTed there."""

    uri: str


@dataclass(frozen=True, slots=True)
class ResolvedBroker:
    """Events go into that Broker, or channel, in this process."""

    key: Key


def resolve(
    destination: Destination,
    lookup: Lookup,
    *,
    catalogue: Catalogue,
    is_served: Callable[[Key], bool],
    cluster_domain: str = "cluster.local",
) -> ResolvedUri | ResolvedBroker:
    """Where a valid destination leads: a URI is taken verbatim, a relative one against its reference's address (RFC
    3986). What `is_served` by this process is gone to directly; of anything else its status tells the address.

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
    holder = _holder(ref, item, lookup)
    if not is_served(holder):
        return ResolvedUri(urljoin(_address(item, ref), destination.uri or ""))
    if destination.uri:
        message = f"a {ref.kind} has no address but its own, not {destination.uri!r} below it"
        raise ResolutionError("NotAddressable", message)
    return ResolvedBroker(holder)


def not_found(kind: Kind, name: str) -> str:
    """Kubernetes' words for an object that is not there."""
    return f'{kind.resource} "{name}" not found'


def _holder(ref: Reference, item: Object, lookup: Lookup) -> Key:
    """Whose events they become: of a Channel the channel that was made for it."""
    if ref.key.group_kind != CHANNEL.group_kind:
        return ref.key
    key = Channel.of(item).backing_key
    lookup(key)
    return key


def _address(item: Object, ref: Reference) -> str:
    """The first of `status.addresses`, else `status.address`. Raises ResolutionError."""
    status = item.get("status", {})
    addresses = status.get("addresses") or [status.get("address") or {}]
    url = addresses[0].get("url")
    if not url:
        raise ResolutionError("NotAddressable", f"address not set for {_shown(ref)}")
    return str(url)


def _kind_of(ref: Reference, catalogue: Catalogue) -> Kind:
    served = catalogue.find(ref.api_version, ref.kind)
    if served is None:
        message = f"the server has no kind {ref.kind} in {ref.api_version}"
        raise ResolutionError("UnknownKind", message)
    return served.kind


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
