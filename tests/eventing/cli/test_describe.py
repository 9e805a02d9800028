import re
from collections.abc import Callable

from tests.eventing.apiserver.stage import broker, config_map, trigger
from tests.eventing.cli.api import Api
from tests.rig.kubectl import Kubectl


def test_an_object_is_described_as_kubectl_does(api: Api, kubectl_of: Callable[[Api], Kubectl]) -> None:
    """To the byte, ages apart, with what was recorded of it."""
    api.put(broker("b", labels={"app": "shop"}))
    metadata = api.put(trigger("t"))["metadata"]
    involved = {"kind": "Trigger", "name": "t", "namespace": "default", "uid": metadata["uid"]}
    moment = {"firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T02:00:00Z", "count": 3}
    about = {"type": "Warning", "reason": "Broken", "message": "no", "source": {"component": "controller"}}
    api.put(
        {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": involved, **about, **moment}
    )
    kubectl = kubectl_of(api)
    for words in ("broker b", "trigger/t", "triggers", "brokers -l app=shop", "brokers -n other", "brokers -l app=no"):
        expected, ended = kubectl.run("describe", *words.split()), api.run("describe", *words.split())
        assert aged(expected.stdout).splitlines() == aged(ended.out).splitlines(), words
        assert expected.exit == ended.code, words
        assert expected.stderr == ended.err, words


def aged(text: str) -> str:
    return re.sub(r"\b\d+[dhms](\d+[hms])?\b", "AGE", text)


def test_a_secret_is_never_shown(api: Api) -> None:
    """Only how much it holds."""
    api.put({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"key": "aHVudGVyMg=="}})
    ended = api.run("describe", "secret", "s")
    assert (0, True) == (ended.code, "Key:  7 bytes" in ended.out)
    assert not any(text in ended.out for text in ("aHVudGVyMg", "hunter2"))


def test_what_is_not_there_keeps_nobody_else_away(api: Api) -> None:
    """The others are described, and it ends with 1."""
    api.put(config_map("c"))
    ended = api.run("describe", "cm", "nope", "c")
    assert (1, True) == (ended.code, ended.out.startswith("Name:         c\n"))
    assert 'configmaps "nope" not found' in ended.err


def test_a_wrong_type_and_a_server_that_nobody_runs_are_told(api: Api) -> None:
    """Nothing on stdout."""
    unknown = api.run("describe", "nope")
    silent = api.run("describe", "cm", "--server", "http://127.0.0.1:1")
    assert (1, "", 1, "") == (unknown.code, unknown.out, silent.code, silent.out)
    assert 'resource type "nope"' in unknown.err
    assert "no server answers" in silent.err
