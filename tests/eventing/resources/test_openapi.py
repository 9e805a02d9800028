"""OpenAPI v3 documents."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from eventing.resources.catalogue import KINDS, Catalogue
from eventing.resources.openapi import served_kinds, v3_document, v3_index

CATALOGUE = Catalogue()
GROUP_VERSIONS = sorted({(served.kind.group, served.version.name) for served in served_kinds(CATALOGUE)})


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS)
def test_a_document_is_valid(group: str, version: str) -> None:
    """By OpenAPI's own rules; every schema it refers to is in it, and every operation has its own name."""
    document = v3_document(CATALOGUE, group, version)
    assert document is not None
    validate(document)
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known
    operations = [one for path in document["paths"].values() for name, one in path.items() if name != "parameters"]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))


def test_the_index_leads_to_every_document() -> None:
    """Under Kubernetes' paths."""
    paths = v3_index(CATALOGUE)["paths"]
    assert set(paths) == {f"apis/{group}/{version}" if group else f"api/{version}" for group, version in GROUP_VERSIONS}
    for path, entry in paths.items():
        assert entry["serverRelativeURL"].startswith(f"/openapi/v3/{path}?hash=")


def test_an_address_changes_with_its_document_alone() -> None:
    """Clients keep a document as long as its address stays."""
    before, fewer = v3_index(CATALOGUE)["paths"], v3_index(Catalogue(KINDS[:-1]))["paths"]
    last = KINDS[-1]
    changed = {path for path in before if before[path] != fewer.get(path)}
    assert changed == {f"apis/{last.group}/{version.name}" for version in last.versions}
    assert json.dumps(before) == json.dumps(v3_index(Catalogue())["paths"])


def test_what_is_not_served_has_no_document() -> None:
    """Neither another version nor another group."""
    assert v3_document(CATALOGUE, "eventing.knative.dev", "v2") is None
    assert v3_document(CATALOGUE, "example.com", "v1") is None
