"""What the server says it serves: groups, versions and resources, plain and aggregated.

Source: Kubernetes' discovery and `apidiscovery.k8s.io`. Pure.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from eventing.apiserver.target import subresources
from eventing.resources.identity import Object
from eventing.resources.kind import Kind, Served

DISCOVERY_KIND: Final = "APIGroupDiscoveryList"
DISCOVERY_VERSIONS: Final = ("apidiscovery.k8s.io/v2", "apidiscovery.k8s.io/v2beta1")
VERBS: Final = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_SUB_VERBS: Final = ("get", "patch", "update")
_VERSION: Final = re.compile(r"v([0-9]+)(?:(alpha|beta)([0-9]+))?")
_STABILITY: Final = {None: 2, "beta": 1, "alpha": 0}


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as discovery tells of it. `sub` are the subresources, each with the kind of its bodies."""

    plural: str
    kind: str
    verbs: tuple[str, ...]
    is_namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    sub: tuple[tuple[str, tuple[str, str, str]], ...] = ()
    storage_hash: str = ""

    @property
    def singular(self) -> str:
        """What commands take for one of them."""
        return self.kind.lower()


@dataclass(frozen=True, slots=True)
class GroupVersion:
    """What is served under one group and version, in order."""

    group: str
    version: str
    resources: tuple[Resource, ...]

    @property
    def name(self) -> str:
        """As in `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version


REVIEWS: Final = (
    GroupVersion(
        "apiextensions.k8s.io",
        "v1",
        (
            Resource(
                "customresourcedefinitions",
                "CustomResourceDefinition",
                ("get", "list"),
                is_namespaced=False,
                short_names=("crd", "crds"),
                categories=("api-extensions",),
            ),
        ),
    ),
    GroupVersion(
        "authentication.k8s.io",
        "v1",
        (Resource("selfsubjectreviews", "SelfSubjectReview", ("create",), is_namespaced=False),),
    ),
    GroupVersion(
        "authorization.k8s.io",
        "v1",
        (
            Resource("selfsubjectaccessreviews", "SelfSubjectAccessReview", ("create",), is_namespaced=False),
            Resource("selfsubjectrulesreviews", "SelfSubjectRulesReview", ("create",), is_namespaced=False),
        ),
    ),
)
"""What is served besides the kinds that are stored."""


@dataclass(frozen=True)
class Discovery:
    """All that is served, by group; within a group the most stable version is first, and preferred."""

    versions: tuple[GroupVersion, ...] = field(default=())

    @classmethod
    def of(cls, kinds: Iterable[Kind], others: Iterable[GroupVersion] = REVIEWS) -> "Discovery":
        """What these kinds and these others make."""
        found: dict[tuple[str, str], list[Resource]] = {}
        for kind in kinds:
            for version in kind.versions:
                found.setdefault((kind.group, version.name), []).append(_resource(Served(kind, version)))
        versions = [GroupVersion(group, version, tuple(resources)) for (group, version), resources in found.items()]
        return cls(tuple(sorted((*versions, *others), key=_rank)))

    def api_versions(self) -> Object:
        """The answer of `/api`."""
        versions = [one.version for one in self.versions if not one.group]
        return {"kind": "APIVersions", "versions": versions, "serverAddressByClientCIDRs": []}

    def groups(self) -> Object:
        """The answer of `/apis`."""
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*one) for one in self._grouped()]}

    def group(self, name: str) -> Object | None:
        """The answer of `/apis/<group>`, None where it is not served."""
        found = next((one for one in self._grouped() if one[0] == name), None)
        return None if found is None else {**_group(*found), "kind": "APIGroup", "apiVersion": "v1"}

    def resources(self, group: str, version: str) -> Object | None:
        """The answer of `/apis/<group>/<version>` or `/api/v1`, None where it is not served."""
        for one in self.versions:
            if (one.group, one.version) == (group, version):
                listed = [entry for resource in one.resources for entry in _plain(resource)]
                return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": one.name, "resources": listed}
        return None

    def aggregated(self, api_version: str, *, is_core: bool) -> Object:
        """The answer of `/api` (core) or `/apis` for who accepts everything at once, in that group version."""
        items = []
        for group, versions in [("", [one for one in self.versions if not one.group])] if is_core else self._grouped():
            found = [
                {
                    "version": one.version,
                    "resources": [_aggregated(resource, one) for resource in one.resources],
                    "freshness": "Current",
                }
                for one in versions
            ]
            items.append({"metadata": {"name": group} if group else {}, "versions": found})
        return {"kind": DISCOVERY_KIND, "apiVersion": api_version, "metadata": {}, "items": items}

    def _grouped(self) -> Iterator[tuple[str, list[GroupVersion]]]:
        """Named groups with their versions."""
        for group in dict.fromkeys(one.group for one in self.versions if one.group):
            yield group, [one for one in self.versions if one.group == group]


def version_rank(version: str) -> tuple[int, ...]:
    """By this versions sort, the preferred one last: stable ones over betas over alphas, then by number."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (-1,)
    major, stability, minor = found.groups()
    return (_STABILITY[stability], int(major), int(minor or 0))


def _rank(one: GroupVersion) -> tuple[str, tuple[int, ...]]:
    return one.group, tuple(-number for number in version_rank(one.version))


def _resource(served: Served) -> Resource:
    kind, version = served
    bodies = {
        "status": (kind.group, version.name, kind.name),
        "scale": ("autoscaling", "v1", "Scale"),
    }
    digest = hashlib.sha256(f"{kind.group}/{kind.version}/{kind.name}".encode()).digest()
    return Resource(
        kind.plural,
        kind.name,
        VERBS,
        is_namespaced=kind.is_namespaced,
        short_names=kind.short_names,
        categories=kind.categories,
        sub=tuple((name, bodies[name]) for name in subresources(kind)),
        storage_hash=base64.b64encode(digest[:8]).decode(),
    )


def _group(name: str, versions: list[GroupVersion]) -> Object:
    listed = [{"groupVersion": one.name, "version": one.version} for one in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _plain(resource: Resource) -> Iterator[Object]:
    entry: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.is_namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.storage_hash:
        entry["storageVersionHash"] = resource.storage_hash
    yield entry
    for name, (group, version, kind) in resource.sub:
        of = {"group": group, "version": version} if kind == "Scale" else {}
        yield {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.is_namespaced,
            **of,
            "kind": kind,
            "verbs": list(_SUB_VERBS),
        }


def _response_kind(group: str, version: str, kind: str) -> Object:
    """The kind of a body. Of the core group, which has no name, Kubernetes leaves out the version, too."""
    return {"group": group, "version": version if group else "", "kind": kind}


def _aggregated(resource: Resource, one: GroupVersion) -> Object:
    entry: Object = {
        "resource": resource.plural,
        "responseKind": _response_kind(one.group, one.version, resource.kind),
        "scope": "Namespaced" if resource.is_namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.sub:
        entry["subresources"] = [
            {
                "subresource": name,
                "responseKind": _response_kind(group, version, kind),
                "verbs": list(_SUB_VERBS),
            }
            for name, (group, version, kind) in resource.sub
        ]
    return entry
