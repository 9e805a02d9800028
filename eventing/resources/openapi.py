"""OpenAPI v3 of the API: a document for each group and version, and the index of them.

`kubectl explain` reads fields there, `kubectl apply` whether the server checks them.
Source: Kubernetes' documents. Pure.
"""

import hashlib
import json
from typing import Final

from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Object
from eventing.resources.kind import Served
from eventing.resources.openapi_operation import paths_of
from eventing.resources.openapi_schema import schemas

ROOT: Final = "/openapi/v3"


def v3_index(catalogue: Catalogue) -> Object:
    """The documents that there are. An address changes with its document, so that clients may keep what they have."""
    paths = {}
    for group, version in sorted(_group_versions(catalogue)):
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        text = json.dumps(v3_document(catalogue, group, version), sort_keys=True)
        hashed = hashlib.sha512(text.encode()).hexdigest().upper()
        paths[path] = {"serverRelativeURL": f"{ROOT}/{path}?hash={hashed}"}
    return {"paths": paths}


def v3_document(catalogue: Catalogue, group: str, version: str) -> Object | None:
    """All that is served under that group and version; None where nothing is."""
    kinds = [
        served for served in served_kinds(catalogue) if (served.kind.group, served.version.name) == (group, version)
    ]
    if not kinds:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "eventing", "version": f"{group}/{version}" if group else version},
        "paths": {path: item for served in kinds for path, item in paths_of(served).items()},
        "components": {"schemas": schemas(kinds)},
    }


def served_kinds(catalogue: Catalogue) -> list[Served]:
    """Every kind in every version."""
    return [Served(kind, version) for kind in catalogue for version in kind.versions]


def _group_versions(catalogue: Catalogue) -> set[tuple[str, str]]:
    return {(served.kind.group, served.version.name) for served in served_kinds(catalogue)}
