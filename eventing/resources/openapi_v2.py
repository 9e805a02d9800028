"""OpenAPI v2 (Swagger) of the API, which older clients ask for: all kinds in one document.

Of the paths there are those where objects are patched: clients look there for what a server supports.
Source: Kubernetes' document, and how it shows schemas that keep unknown fields. Pure.
"""

from typing import Any, Final

from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Object
from eventing.resources.openapi import served_kinds
from eventing.resources.openapi_operation import paths_of
from eventing.resources.openapi_schema import schemas

_KEEPS: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_INNER: Final = ("properties", "items", "additionalProperties", "required")


def v2_document(catalogue: Catalogue) -> Object:
    """Everything that is served."""
    kinds = served_kinds(catalogue)
    return {
        "swagger": "2.0",
        "info": {"title": "eventing", "version": "v1"},
        "paths": {path: _path(item) for served in kinds for path, item in paths_of(served).items() if "patch" in item},
        "definitions": {name: _schema(schema) for name, schema in schemas(kinds).items()},
    }


def _path(item: Object) -> Object:
    return {"parameters": [_parameter(one) for one in item["parameters"]], "patch": _operation(item["patch"])}


def _operation(operation: Object) -> Object:
    """The operation without what is sent and answered: no client of this document asks."""
    kept = {name: value for name, value in operation.items() if name not in ("requestBody", "responses", "parameters")}
    return {
        **kept,
        "consumes": list(operation["requestBody"]["content"]),
        "produces": ["application/json"],
        "parameters": [_parameter(one) for one in operation["parameters"]],
        "responses": {code: {"description": one["description"]} for code, one in operation["responses"].items()},
    }


def _parameter(parameter: Object) -> Object:
    kept = {name: value for name, value in parameter.items() if name != "schema"}
    return {**kept, "type": parameter["schema"]["type"]}


def _schema(schema: Object) -> Object:
    """A schema in the older words. Where unknown fields are kept nothing below is told: clients would refuse them."""
    if _INT_OR_STRING in schema:
        return {"description": schema.get("description", ""), "type": "string", "format": "int-or-string"}
    if schema.get(_KEEPS):
        schema = {name: value for name, value in schema.items() if name not in _INNER}
    return {name: value for old, given in schema.items() for name, value in _member(old, given)}


def _member(name: str, value: Any) -> list[tuple[str, Any]]:
    match name:
        case "properties":
            return [(name, {field: _schema(one) for field, one in value.items()})]
        case "items" | "additionalProperties":
            return [(name, _schema(value))]
        case "allOf":  # one schema with a description of its own
            return [*_schema(value[0]).items()]
        case "$ref":
            return [(name, value.replace("#/components/schemas/", "#/definitions/"))]
    return [(name, value)]
