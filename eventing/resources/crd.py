"""A kind as the CustomResourceDefinition with which a Kubernetes API server serves it.

Source: apiextensions.k8s.io/v1. Pure.
"""

from typing import Final

from eventing.resources.admission import object_node
from eventing.resources.identity import Object
from eventing.resources.kind import Column, Kind, Version
from eventing.resources.structural_schema import schema_of

LABELS: Final = {"knative.dev/crd-install": "true", "app.kubernetes.io/name": "eventing"}
"""What the definitions of all kinds have; clients choose them by the labels of ducks, which come in addition."""


def crd_of(kind: Kind) -> Object:
    """The definition to install in a cluster. Nobody converts there, so a version that says things otherwise than the
    stored one is declared, but not served: it would show empty fields and lose what it is given.
    """
    return _crd(kind, {version.name for version in kind.versions if _says_the_same(kind, version)})


def served_crd_of(kind: Kind) -> Object:
    """The definition as this server shows it, which serves every version."""
    crd = _crd(kind, {version.name for version in kind.versions})
    conditions = [
        {"type": name, "status": "True", "reason": reason, "message": message}
        for name, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    accepted, stored = crd["spec"]["names"], [kind.version]
    return crd | {"status": {"conditions": conditions, "acceptedNames": accepted, "storedVersions": stored}}


def _crd(kind: Kind, served: set[str]) -> Object:
    metadata: Object = {"name": kind.resource, "labels": {**LABELS, **kind.labels}}
    if kind.annotations:
        metadata["annotations"] = dict(kind.annotations)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": kind.group,
            "names": _names(kind),
            "scope": "Namespaced" if kind.is_namespaced else "Cluster",
            "conversion": {"strategy": "None"},
            "versions": [_version(kind, version, is_served=version.name in served) for version in kind.versions],
        },
    }


def _names(kind: Kind) -> Object:
    names: Object = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.singular,
    }
    lists = {"shortNames": kind.short_names, "categories": kind.categories}
    return names | {name: list(given) for name, given in lists.items() if given}


def _version(kind: Kind, version: Version, *, is_served: bool) -> Object:
    shown: Object = {"name": version.name, "served": is_served, "storage": version.name == kind.version}
    if version.deprecation:
        shown |= {"deprecated": True, "deprecationWarning": version.deprecation}
    subresources: Object = {"status": {}} if kind.has_status else {}
    if kind.scale:
        paths = {
            "specReplicasPath": kind.scale.spec_replicas,
            "statusReplicasPath": kind.scale.status_replicas,
            "labelSelectorPath": kind.scale.selector,
        }
        subresources["scale"] = {name: path for name, path in paths.items() if path}
    return shown | {
        "schema": {"openAPIV3Schema": _schema(kind, version)},
        "subresources": subresources,
        "additionalPrinterColumns": [_column(column) for column in version.columns],
    }


def _schema(kind: Kind, version: Version) -> Object:
    """Of metadata a CustomResourceDefinition may say nothing: it is the API server's."""
    schema = schema_of(object_node(version).described(kind.description))
    schema["properties"]["metadata"] = {"type": "object"}
    del schema["required"]
    return schema


def _column(column: Column) -> Object:
    shown: Object = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.priority:
        shown["priority"] = column.priority
    if column.description:
        shown["description"] = column.description
    return shown


def _says_the_same(kind: Kind, version: Version) -> bool:
    stored = kind.served.version
    return (version.fields, version.to_stored, version.from_stored) == (
        stored.fields,
        stored.to_stored,
        stored.from_stored,
    )
