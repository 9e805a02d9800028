"""What a path of the API leads to: a kind in a version, a namespace, an object, a subresource. Pure."""

from dataclasses import dataclass
from typing import Final

from eventing.resources.catalogue import Catalogue
from eventing.resources.kind import Kind, Served

SUBRESOURCES: Final = ("status", "scale")


@dataclass(frozen=True, slots=True)
class Target:
    """`namespace` is None for all namespaces, and for kinds that have none; `name` is empty for the collection."""

    served: Served
    namespace: str | None = None
    name: str = ""
    subresource: str = ""

    @property
    def kind(self) -> Kind:
        """The kind, whatever the version."""
        return self.served.kind


def resolve(path: str, catalogue: Catalogue) -> Target | None:
    """Where a path such as `/apis/eventing.knative.dev/v1/namespaces/default/brokers/b1/status` leads, None where it
    leads nowhere. Its parts are decoded.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, version, rest = "", parts[1] if len(parts) > 1 else "", parts[2:]
    elif parts[0] == "apis" and len(parts) > 2:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if not rest or not all(rest):
        return None
    return _namespaced(group, version, rest, catalogue) or _plain(group, version, rest, catalogue)


def subresources(kind: Kind) -> tuple[str, ...]:
    """Those that objects of the kind have."""
    return tuple(name for name, has in zip(SUBRESOURCES, (kind.has_status, kind.scale is not None), strict=True) if has)


def _namespaced(group: str, version: str, rest: list[str], catalogue: Catalogue) -> Target | None:
    if rest[0] != "namespaces" or len(rest) < 3:
        return None
    served = catalogue.find_plural(group, version, rest[2])
    if served is None or not served.kind.is_namespaced:
        return None
    return _target(served, rest[1], rest[3:])


def _plain(group: str, version: str, rest: list[str], catalogue: Catalogue) -> Target | None:
    served = catalogue.find_plural(group, version, rest[0])
    if served is None or (served.kind.is_namespaced and len(rest) > 1):
        return None
    return _target(served, None, rest[1:])


def _target(served: Served, namespace: str | None, rest: list[str]) -> Target | None:
    name, subresource, *beyond = [*rest, "", ""]
    if any(beyond) or (subresource and subresource not in subresources(served.kind) and not served.kind.group):
        return None
    return Target(served, namespace, name, subresource)
