import json

import pytest

from tests.eventing.apiserver.stage import broker, config_map, trigger
from tests.eventing.cli.api import Api

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def held(api: Api, path: str = CONFIG_MAPS) -> list[str]:
    return [item["metadata"]["name"] for item in api.get(path)["items"]]


@pytest.fixture
def stocked(api: Api) -> Api:
    for name, app in (("a", "shop"), ("b", "shop"), ("c", "mail")):
        api.put({**config_map(name), "metadata": {"name": name, "labels": {"app": app}}})
    return api


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("cm a b", ["c"]),
        ("cm/a configmap/c", ["b"]),
        ("cm -l app=shop", ["c"]),
        ("cm --all", []),
        ("cm --all -n other", ["a", "b", "c"]),
        ("cm a --no-wait", ["b", "c"]),
        ("cm a --wait --timeout 5s", ["b", "c"]),
        ("cm a nope --ignore-not-found", ["b", "c"]),
        ("cm a --cascade foreground", ["b", "c"]),
    ],
)
def test_what_is_named_goes_and_nothing_else(stocked: Api, words: str, left: list[str]) -> None:
    """By name, by label, or all in one namespace; each is told as kubectl tells it."""
    ended = stocked.run("delete", *words.split())
    assert (0, left) == (ended.code, held(stocked))
    gone = [name for name in ("a", "b", "c") if name not in left]
    assert "".join(f'configmap "{name}" deleted from default namespace\n' for name in gone) == ended.out


def test_what_files_hold_goes(stocked: Api) -> None:
    """The same files that brought it."""
    ended = stocked.run("delete", "-f", "-", stdin=json.dumps(config_map("b")))
    assert (0, ["a", "c"]) == (ended.code, held(stocked))


@pytest.mark.parametrize(
    ("words", "code", "said", "left"),
    [
        ("cm nope a", 1, 'configmaps "nope" not found', ["b", "c"]),
        ("cm", 2, "name what to delete", ["a", "b", "c"]),
        ("", 2, "name a type", ["a", "b", "c"]),
        ("nope a", 1, 'resource type "nope"', ["a", "b", "c"]),
        ("cm a --timeout soon", 2, "soon", ["a", "b", "c"]),
        ("cm a --cascade sideways", 2, "sideways", ["a", "b", "c"]),
        ("cm a -l app=shop", 2, "name cannot be provided when a selector is specified", ["a", "b", "c"]),
        ("cm a --server http://127.0.0.1:1", 1, "no server answers", ["a", "b", "c"]),
    ],
)
def test_what_cannot_be_deleted_is_told(stocked: Api, words: str, code: int, said: str, left: list[str]) -> None:
    """What can be deleted is; misuse deletes nothing."""
    ended = stocked.run("delete", *words.split())
    assert (code, left) == (ended.code, held(stocked))
    assert said in " ".join(ended.err.replace("│", "").split())


@pytest.mark.parametrize(
    ("cascade", "owners", "goes"),
    [("background", [], True), ("foreground", [["foregroundDeletion"]], True), ("orphan", [], False)],
)
def test_the_cascade_is_the_servers_to_carry_out(api: Api, cascade: str, owners: list[list[str]], goes: bool) -> None:
    """In the background the owner goes first, in the foreground it waits for what it owned; an orphan stays, and
    forgets its owner. What is owned is held by a finalizer here, so that the moment between can be seen.
    """
    reference = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b", "blockOwnerDeletion": True}
    reference["uid"] = api.put(broker("b"))["metadata"]["uid"]
    api.put(trigger("t", ownerReferences=[reference], finalizers=["example.com/hold"]))
    ended = api.run("delete", "broker", "b", "--cascade", cascade, "--no-wait")
    assert 'broker.eventing.knative.dev "b" deleted from default namespace\n' == ended.out
    path = "/apis/eventing.knative.dev/v1/namespaces/default"
    assert owners == [item["metadata"]["finalizers"] for item in api.get(f"{path}/brokers")["items"]]
    owned = api.get(f"{path}/triggers/t")
    metadata = owned["metadata"]
    assert (goes, goes) == ("ownerReferences" in metadata, "deletionTimestamp" in metadata)
    if goes:
        api.after(0.0, lambda: api.store.update({**owned, "metadata": {**metadata, "finalizers": []}}))
        assert 0 == api.run("wait", "trigger", "t", "--for", "delete", "--timeout", "10s").code
        assert ([], []) == (held(api, f"{path}/brokers"), held(api, f"{path}/triggers"))


def test_what_a_finalizer_holds_is_waited_for_as_long_as_is_said(api: Api) -> None:
    """Deleted is what is gone."""
    item = api.put({**config_map("a"), "metadata": {"name": "a", "finalizers": ["example.com/hold"]}})
    late = api.run("delete", "cm", "a", "--timeout", "1s")
    assert (1, True) == (late.code, "timed out waiting for the condition on configmaps/a" in late.err)
    assert 0 == api.run("delete", "cm", "a", "--no-wait").code
    stored = api.get(f"{CONFIG_MAPS}/{item['metadata']['name']}")
    released = {**stored, "metadata": {**stored["metadata"], "finalizers": []}}
    api.after(1.0, lambda: api.store.update({**released, "apiVersion": "v1", "kind": "ConfigMap"}))
    assert 0 == api.run("delete", "cm", "a").code
    assert [] == held(api)
