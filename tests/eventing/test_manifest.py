"""Resources from files."""

import json
from pathlib import Path
from typing import Any

import pytest

from eventing.manifest import Document, ManifestError, read
from eventing.resources.catalogue import Catalogue
from eventing.resources.document import SIZE_MAX_BYTES
from eventing.resources.identity import Key

BROKER = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: default}\n"
TRIGGER = (
    "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t}\n"
    "spec: {broker: default, subscriber: {uri: http://receiver/}}\n"
)
BROKER_KEY = Key("eventing.knative.dev", "Broker", "default", "default")
TRIGGER_KEY = Key("eventing.knative.dev", "Trigger", "default", "t")
CATALOGUE = Catalogue()


def written(folder: Path, **files: str) -> list[Path]:
    paths = [folder / name.replace("_", ".") for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def documents(folder: Path, *texts: str) -> list[Document]:
    return read(written(folder, all_yaml="---\n".join(texts)), catalogue=CATALOGUE)


def lines(paths: list[Path]) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read(paths, catalogue=CATALOGUE)
    assert str(caught.value) == "\n".join(caught.value.lines)
    return list(caught.value.lines)


def test_documents_know_their_place(tmp_path: Path) -> None:
    """File, number and line; an object without a namespace is in `default`; empty documents are skipped."""
    (path,) = written(tmp_path, a_yaml=f"{BROKER}---\n# nothing\n---\n{TRIGGER}")
    first, second = read([path], catalogue=CATALOGUE)
    assert [(one.path, one.number, one.line, one.key) for one in (first, second)] == [
        (path, 1, 1, BROKER_KEY),
        (path, 3, 7, TRIGGER_KEY),
    ]
    assert str(second) == f"{path}: document 3 (Trigger default/t)"


def test_a_folder_means_the_files_right_in_it(tmp_path: Path) -> None:
    """By name, whatever their order; other files and folders below are nobody's."""
    (tmp_path / "below.yaml").mkdir()
    written(tmp_path / "below.yaml", x_yaml="nonsense")
    written(tmp_path, b_yml=TRIGGER, a_yaml=BROKER, notes_txt="nonsense")
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "demo"}}
    written(tmp_path, c_json=json.dumps(service))
    assert [str(one.key) for one in read([tmp_path], catalogue=CATALOGUE)] == [
        "Broker default/default",
        "Trigger default/t",
        "Service demo/s",
    ]


def test_lists_are_taken_apart(tmp_path: Path) -> None:
    """Those of kubectl and those of a kind, one inside another; a byte order mark is none of the text."""
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    inner = {"apiVersion": "v1", "kind": "NamespaceList", "items": [namespace]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [inner, {**namespace, "metadata": {"name": "m"}}]}
    paths = written(tmp_path, a_json="\ufeff" + json.dumps(outer))
    assert [str(one.key) for one in read(paths, catalogue=CATALOGUE)] == ["Namespace n", "Namespace m"]


def test_every_fault_of_every_file_is_told(tmp_path: Path) -> None:
    """One line each, with file, document, object and path, whatever the sort of fault."""
    bad = TRIGGER.replace("spec: {", "spec: {typo: 1, filters: [{prefix: {Type: a}}], delivery: {retry: -1}, ")
    a, b, c = written(
        tmp_path,
        a_yaml=f"{BROKER}---\n{bad}",
        b_yaml=f"{BROKER}---\nkind: Broker\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\n---\n[]\n",
        c_yaml="a: b: c",
    )
    known = ", ".join(f"{kind.name} ({kind.api_version})" for kind in CATALOGUE)
    rule = "Attribute name must start with a letter and can only contain lowercase alphanumeric"
    assert sorted(lines([a, b, c])) == sorted(
        [
            f"{c}: line 1: mapping values are not allowed in this context",
            f"{b}: document 2 (Broker default/?): apiVersion: missing field(s)",
            f"{b}: document 2 (Broker default/?): metadata: missing field(s)",
            f"{b}: document 3 (Pod default/p): kind: no Pod in v1 here; known are {known}",
            f"{b}: document 4 (no object): : invalid value: expected a map, got list",
            f"{b}: document 1 (Broker default/default): stands in {a}, document 1, too",
            f"{a}: document 2 (Trigger default/t): spec.delivery.retry: invalid value: -1",
            f'{a}: document 2 (Trigger default/t): spec.filters[0].prefix.Type: invalid key name "Type": {rule}',
            f"{a}: document 2 (Trigger default/t): spec.typo: unknown field",
        ]
    )


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Absent, too large, or no UTF-8; the other files are read all the same."""
    large, latin = tmp_path / "large.yaml", tmp_path / "latin.yaml"
    large.write_bytes(b"#" * (SIZE_MAX_BYTES + 1))
    latin.write_bytes(b"\xff")
    absent, too_large, no_text = lines([tmp_path / "absent.yaml", large, latin])
    assert absent.startswith(f"{tmp_path / 'absent.yaml'}: cannot be read: ")
    assert too_large == f"{large}: line 1: the file is larger than {SIZE_MAX_BYTES} bytes"
    assert no_text.startswith(f"{latin}: cannot be read: ")


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may list every folder, so the refusal is played."""

    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert lines([tmp_path]) == [f"{tmp_path}: cannot be read: Permission denied"]


DEFAULTS = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-br-defaults, namespace: knative-eventing}\n"
    "data:\n  default-br-config: '{clusterDefault: {brokerClass: X, delivery: {retry: 3}}}'\n"
)


def test_defaults_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """With their place."""
    fault = "line 1: default-br-config: clusterDefault: missing field(s)"
    (path,) = written(tmp_path, a_yaml=DEFAULTS.replace("clusterDefault", "typo"))
    where = f"{path}: document 1 (ConfigMap knative-eventing/config-br-defaults)"
    assert lines([path]) == [f"{where}: data.default-br-config: invalid value: {fault}"]
    without = DEFAULTS.replace("default-br-config", "other")
    assert [str(one.key) for one in documents(tmp_path, without)] == ["ConfigMap knative-eventing/config-br-defaults"]
