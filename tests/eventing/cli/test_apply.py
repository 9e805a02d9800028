import json
from pathlib import Path

import pytest

from tests.eventing.apiserver.stage import broker, config_map, trigger
from tests.eventing.cli.api import Api

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def test_each_object_is_told_with_what_became_of_it(api: Api, tmp_path: Path) -> None:
    """Created, changed, or as it was; what the file no longer has goes."""
    file = tmp_path / "c.json"
    told = []
    for data in ({"a": "1", "b": "1"}, {"a": "2"}, {"a": "2"}):
        file.write_text(json.dumps(config_map("c", **data)))
        told.append(api.run("apply", "-f", str(file)).out)
    assert [f"configmap/c {what}\n" for what in ("created", "configured", "unchanged")] == told
    assert {"a": "2"} == api.get(f"{CONFIG_MAPS}/c")["data"]


def test_files_folders_lists_and_stdin_are_read_in_their_order(api: Api, tmp_path: Path) -> None:
    """Of a folder the manifests right in it, by name."""
    (tmp_path / "2.yaml").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [trigger("t")]}))
    (tmp_path / "1.yaml").write_text(f"{json.dumps(broker('b'))}\n---\n---\n{json.dumps(config_map('c'))}")
    (tmp_path / "notes.txt").write_text("no manifest")
    ended = api.run("apply", "-f", str(tmp_path), "-f", "-", stdin=json.dumps(config_map("d")))
    names = ("broker.eventing.knative.dev/b", "configmap/c", "trigger.eventing.knative.dev/t", "configmap/d")
    assert "".join(f"{name} created\n" for name in names) == ended.out
    assert 0 == ended.code


def test_objects_that_name_no_namespace_go_to_the_one_that_is_asked_for(api: Api) -> None:
    """What names one goes there."""
    both = f"{json.dumps(config_map('c'))}\n---\n" + json.dumps(
        {**config_map("d"), "metadata": {"name": "d", "namespace": "default"}}
    )
    assert 0 == api.run("apply", "-n", "other", "-f", "-", stdin=both).code
    found = api.get("/api/v1/configmaps")["items"]
    assert [("default", "d"), ("other", "c")] == [
        (item["metadata"]["namespace"], item["metadata"]["name"]) for item in found
    ]


def test_a_dry_run_keeps_nothing(api: Api) -> None:
    """The server checks and answers."""
    ended = api.run("apply", "--dry-run", "-f", "-", stdin=json.dumps(config_map("c")))
    assert "configmap/c created (server dry run)\n" == ended.out
    assert [] == api.get(CONFIG_MAPS)["items"]


def test_a_field_that_somebody_else_manages_is_a_conflict_until_it_is_forced(api: Api) -> None:
    """The conflict names the manager and the field, and how to win."""
    api.put({**config_map("c", a="1"), "metadata": {"name": "c", "managedFields": [managed_by("editor")]}})
    text = json.dumps(config_map("c", a="2"))
    refused = api.run("apply", "-f", "-", stdin=text)
    assert (1, "") == (refused.code, refused.out)
    assert 'conflict with "editor"' in refused.err
    assert ".data.a" in refused.err
    assert "--force-conflicts" in refused.err
    assert "configmap/c configured\n" == api.run("apply", "--force-conflicts", "-f", "-", stdin=text).out


def managed_by(manager: str) -> dict[str, object]:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {".": {}, "f:a": {}}},
    }


def test_an_invalid_object_is_told_with_its_fields_and_keeps_nobody_away(api: Api) -> None:
    """Every fault with its path; the others are applied."""
    bad = {**trigger("t"), "spec": {"subscriber": {}, "delivery": {"retry": -1}}}
    ended = api.run("apply", "-f", "-", stdin=f"{json.dumps(bad)}\n---\n{json.dumps(config_map('c'))}")
    assert (1, "configmap/c created\n") == (ended.code, ended.out)
    assert "stdin: " in ended.err
    for path in ("spec.broker", "spec.subscriber", "spec.delivery.retry"):
        assert path in ended.err, path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps({**broker(), "spec": {"nope": 1}}), 'unknown field "spec.nope"'),
        (json.dumps({**broker(), "kind": "Nope"}), 'no matches for kind "Nope" in version "eventing.knative.dev/v1"'),
        (json.dumps({**broker(), "metadata": {}}), "Broker: metadata.name is missing"),
        ("[1, 2]", "document 1: no object"),
        ("a: [", "stdin: "),
        ("", "nothing to apply"),
    ],
)
def test_what_is_no_manifest_is_refused(api: Api, text: str, words: str) -> None:
    """With words that say what is wrong, and no traceback."""
    ended = api.run("apply", "-f", "-", stdin=text)
    assert 0 != ended.code
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_a_file_that_is_not_there_and_no_file_are_told(api: Api, tmp_path: Path) -> None:
    """One is a failure, the other misuse."""
    missing = api.run("apply", "-f", str(tmp_path / "nope.yaml"))
    assert (1, True) == (missing.code, "nope.yaml: cannot be read" in missing.err)
    assert 2 == api.run("apply").code


def test_a_server_that_nobody_runs_is_told(tmp_path: Path, api: Api) -> None:
    """With its address."""
    ended = api.run("apply", "--server", "http://127.0.0.1:1", "-f", "-", stdin=json.dumps(config_map("c")))
    assert (1, True) == (ended.code, "no server answers at --server http://127.0.0.1:1" in ended.err)
