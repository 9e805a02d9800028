"""What Knative's CustomResourceDefinitions declare, read from a listing of them, and ours in the same form."""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LISTING = Path(__file__).parents[4] / "shared" / "spec" / "resources-schema.md"
_FIELD = re.compile(r"( *)- `(\[\]\.)?([^`]+)` (\w+)(?: \((.*?)\))?(?: of (.*))?")


@dataclass
class Declared:
    """A version: its fields by path (`spec.filters[].all`), each as the set of words that tell of it, and columns."""

    fields: dict[str, frozenset[str]] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    flags: dict[str, object] = field(default_factory=dict)


@dataclass
class Definition:
    """A kind: its names, labels and versions."""

    names: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Declared] = field(default_factory=dict)


def listed() -> dict[str, Definition]:
    """Knative's definitions by the kind's name."""
    found: dict[str, Definition] = {}
    for block in re.split(r"^## ", LISTING.read_text(), flags=re.MULTILINE)[1:]:
        head, *versions = re.split(r"^### ", block, flags=re.MULTILINE)
        definition = found.setdefault(head.split()[0], Definition())
        names = re.search(r"names: plural=(\S+) .*?shortNames=(.*?) categories=(.*?) scope=(\S+)", head)
        labels = re.search(r"labels: (\{.*?\}) annotations: (\{.*?\})$", head, re.MULTILINE)
        assert names
        assert labels
        definition.names = {
            "plural": names[1],
            "shortNames": ast.literal_eval(names[2]) or [],
            "categories": ast.literal_eval(names[3]) or [],
            "scope": names[4],
        }
        definition.labels, definition.annotations = ast.literal_eval(labels[1]), ast.literal_eval(labels[2])
        definition.versions = {version.split()[0]: _version(version) for version in versions}
    return found


def _version(text: str) -> Declared:
    first, columns, *lines = text.splitlines()
    flags = re.search(r"served=(\w+) storage=(\w+) subresources=(\[.*\]) deprecated=(\w+)", first)
    assert flags
    declared = Declared(
        columns=columns.removeprefix("columns: ").split(" | "),
        flags={
            "served": flags[1] == "True",
            "storage": flags[2] == "True",
            "subresources": dict(ast.literal_eval(flags[3])),
            "deprecated": flags[4] == "True",
        },
    )
    above: list[str] = []
    for line in lines:
        if found := _FIELD.fullmatch(line):
            indent, item, name, type_, details, of = found.groups()
            del above[len(indent) // 2 :]
            path = "".join(above) + ("[]" if item else "") + ("." if above else "") + name
            above.append(path[len("".join(above)) :])
            declared.fields[path] = _words(type_, details or "", of or "")
    return declared


def _words(type_: str, details: str, of: str) -> frozenset[str]:
    words = re.findall(r"enum=\[.*?\]|map of \w+|[^\s,]+", details)
    return frozenset([type_, *words, *([f"of {of.split(maxsplit=1)[0]}"] if of else [])])


def ours(crd: dict[str, Any]) -> Definition:
    """A definition of ours in the same form."""
    names = crd["spec"]["names"]
    shown = {name: names.get(name, []) for name in ("plural", "shortNames", "categories")}
    metadata = crd["metadata"]
    definition = Definition(
        shown | {"scope": crd["spec"]["scope"]}, metadata["labels"], metadata.get("annotations", {})
    )
    for version in crd["spec"]["versions"]:
        declared = Declared(columns=[_column(column) for column in version["additionalPrinterColumns"]])
        declared.flags = {name: version[name] for name in ("served", "storage", "subresources")}
        declared.flags["deprecated"] = version.get("deprecated", False)
        _flatten(version["schema"]["openAPIV3Schema"], "", declared.fields)
        definition.versions[version["name"]] = declared
    return definition


def _column(column: dict[str, Any]) -> str:
    priority = f"(prio {column['priority']})" if column.get("priority") else ""
    return f"{column['name']}:{column['type']}={column['jsonPath']}{priority}"


def _flatten(schema: dict[str, Any], path: str, found: dict[str, frozenset[str]]) -> None:
    for name, child in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        found[below] = _told(child) | ({"REQUIRED"} if name in schema.get("required", ()) else set())
        _flatten(child, below, found)
        if "items" in child:
            _flatten(child["items"], f"{below}[]", found)


def _told(schema: dict[str, Any]) -> frozenset[str]:
    words = [schema.get("type", "any")]
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        words.append("open")
    if "format" in schema:
        words.append(schema["format"])
    words += [f"{name}={schema[name]!r}" for name in ("default", "enum", "minimum", "minItems") if name in schema]
    if "additionalProperties" in schema:
        words.append(f"map of {schema['additionalProperties'].get('type', 'any')}")
    if schema.get("type") == "array" and "properties" not in schema["items"]:
        words.append(f"of {schema['items'].get('type', 'any')}")
    return frozenset(words)
