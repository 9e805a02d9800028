"""The OpenAPI v2 document."""

from openapi_spec_validator import OpenAPIV2SpecValidator

from eventing.resources.catalogue import Catalogue
from eventing.resources.openapi import served_kinds
from eventing.resources.openapi_schema import META, schema_name
from eventing.resources.openapi_v2 import v2_document

DOCUMENT = v2_document(Catalogue())
DEFINITIONS = DOCUMENT["definitions"]


def test_the_document_is_valid() -> None:
    """By Swagger's own rules."""
    OpenAPIV2SpecValidator(DOCUMENT).validate()


def test_every_kind_is_there_in_every_version() -> None:
    """With a path where it is patched, that tells clients what the server supports."""
    abouts = [path["patch"]["x-kubernetes-group-version-kind"] for path in DOCUMENT["paths"].values()]
    for served in served_kinds(Catalogue()):
        (about,) = DEFINITIONS[schema_name(served)]["x-kubernetes-group-version-kind"]
        assert about in abouts
    for path in DOCUMENT["paths"].values():
        assert {"dryRun", "fieldValidation"} < {one["name"] for one in path["patch"]["parameters"]}


def test_what_keeps_unknown_fields_tells_nothing_below() -> None:
    """Or clients would refuse what the server takes; what is closed tells everything."""
    spec = DEFINITIONS["dev.knative.eventing.v1.Trigger"]["properties"]["spec"]["properties"]
    assert set(spec["filters"]["items"]) == {"description", "type", "x-kubernetes-preserve-unknown-fields"}
    assert set(spec["delivery"]["properties"]) > {"retry", "timeout"}


def test_references_and_ports_are_told_in_the_older_words() -> None:
    """A reference with a description; a number or a text."""
    metadata = DEFINITIONS["dev.knative.eventing.v1.Trigger"]["properties"]["metadata"]
    assert metadata["$ref"] == f"#/definitions/{META}.ObjectMeta"
    assert metadata["description"]
    ports = DEFINITIONS["io.k8s.api.core.v1.Service"]["properties"]["spec"]["properties"]["ports"]
    target = ports["items"]["properties"]["targetPort"]
    assert (target["type"], target["format"]) == ("string", "int-or-string")
    assert ports["x-kubernetes-patch-merge-key"] == "port"
    assert "allOf" not in str(DOCUMENT)
    assert "#/components" not in str(DOCUMENT)
