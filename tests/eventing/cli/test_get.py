import re
import signal
import subprocess
from collections.abc import Callable

import pytest
import yaml

from tests.eventing.apiserver.stage import broker, config_map, trigger
from tests.eventing.cli.api import Api
from tests.eventing.cli.process import COMMAND, environment_with
from tests.rig.kubectl import Kubectl

SHOWN = (
    "brokers",
    "brokers,triggers",
    "broker b",
    "broker/b trigger/t",
    "triggers -o wide",
    "configmaps -A",
    "cm -l app=shop",
    "cm -n nowhere",
    "cm -A -l app=nope",
    "eventing",
    "brokers,triggers -o name",
    "namespaces",
    "secrets",
    "cm c nope",
    "broker.v1.eventing.knative.dev b",
    "cm -o json",
    "broker b -o json",
)


@pytest.fixture
def stocked(api: Api) -> Api:
    """Some of each."""
    for item in (
        broker("b"),
        trigger("t"),
        {**config_map("c", a="1"), "metadata": {"name": "c", "labels": {"app": "shop"}}},
        config_map("d"),
        {**config_map("e"), "metadata": {"name": "e", "namespace": "other"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"key": "aHVudGVy"}},
    ):
        api.put(item)
    return api


def aged(text: str) -> str:
    """Without ages, whose width is the same for less than a hundred seconds."""
    return re.sub(r"\b\d{1,2}s +|\b\d{1,2}s$", "AGE ", text, flags=re.MULTILINE)


def test_everything_is_shown_as_kubectl_shows_it(stocked: Api, kubectl_of: Callable[[Api], Kubectl]) -> None:
    """To the byte, and ended alike."""
    kubectl = kubectl_of(stocked)
    for words in SHOWN:
        expected = kubectl.run("get", *words.split())
        ended = stocked.run("get", *words.split())
        assert (expected.exit, aged(expected.stdout)) == (ended.code, aged(ended.out)), words
        assert expected.stderr.lower() == ended.err.lower().replace("error: from", "error from"), words


def test_yaml_is_what_the_server_has_without_who_manages_it(stocked: Api) -> None:
    """A list for a type, the object alone for a name."""
    one = yaml.safe_load(stocked.run("get", "cm", "c", "-o", "yaml").out)
    many = yaml.safe_load(stocked.run("get", "cm", "-o", "yaml", "-l", "app=shop").out)
    assert {"a": "1"} == one["data"]
    assert {"apiVersion": "v1", "kind": "List", "items": [one], "metadata": {"resourceVersion": ""}} == many
    assert "managedFields" not in one["metadata"]


def test_a_long_list_is_read_page_by_page(api: Api) -> None:
    """No page is left out."""
    for number in range(501):
        api.put(config_map(f"c{number:03}"))
    assert [f"configmap/c{number:03}" for number in range(501)] == api.run("get", "cm", "-o", "name").out.splitlines()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("nope", 1, 'the server doesn\'t have a resource type "nope"'),
        ("", 2, "name a type"),
        ("cm/c d", 2, "there is no need to specify a resource type"),
        ("cm c -l app=shop", 2, "name cannot be provided when a selector is specified"),
        ("cm c -A", 1, "a resource cannot be retrieved by name across all namespaces"),
        ("cm -l !!", 1, "unable to parse requirement"),
        ("cm nope -o yaml", 1, 'configmaps "nope" not found'),
        ("cm -o nope", 2, "nope"),
        ("cm,brokers -w", 2, "--watch shows one type"),
        ("cm -w -o yaml", 2, "--watch shows one type"),
        ("cm --server http://127.0.0.1:1", 1, "no server answers"),
        ("cm --server nonsense", 2, "is no address"),
    ],
)
def test_what_cannot_be_shown_is_told(stocked: Api, words: str, code: int, said: str) -> None:
    """1 where it is refused, 2 where it is misuse; nothing on stdout."""
    ended = stocked.run("get", *words.split())
    assert (code, "") == (ended.code, ended.out)
    assert said in " ".join(ended.err.replace("│", "").split())


@pytest.mark.parametrize("options", [(), ("-A",), ("-l", "app=shop"), ("c",)])
def test_a_watch_shows_what_there_is_and_every_change(stocked: Api, options: tuple[str, ...]) -> None:
    """A line each, until it is interrupted, which is no failure."""
    command = [*COMMAND, "get", "cm", "-w", *options]
    environment = environment_with({"EVENTING_SERVER": stocked.url})
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            titles = process.stdout.readline().split()
            until = next(line for line in process.stdout if "c" in line.split())
            stored = stocked.get("/api/v1/namespaces/default/configmaps/c")
            stocked.do(stocked.store.update({**stored, "data": {}}))
            change = next(line for line in process.stdout if "c" in line.split())
            process.send_signal(signal.SIGINT)
            assert 0 == process.wait(20)
        finally:
            process.kill()  # whatever failed, nobody waits for it for ever
    assert [*(["NAMESPACE"] if options == ("-A",) else []), "NAME", "DATA", "AGE"] == titles
    assert ["1", "0"] == [line.split()[-2] for line in (until, change)]
