from typing import Any

import pytest

from tests.eventing.apiserver.stage import broker, config_map
from tests.eventing.cli.api import Api


def judged(name: str, status: str, *, observed: int | None = None, **metadata: Any) -> dict[str, Any]:
    """A Broker whose Ready has that status."""
    seen = {} if observed is None else {"observedGeneration": observed}
    conditions = [{"type": "Ready", "status": status}]
    return {**broker(name, **metadata), "status": {"conditions": conditions, **seen}}


def put(api: Api, item: dict[str, Any]) -> None:
    """With its status, which a creation does not take."""
    stored = api.put(item)
    api.do(api.store.update_status({**stored, "status": item["status"]}))


@pytest.mark.parametrize(
    "words",
    [
        "broker ready",
        "broker/ready --for=condition=Ready",
        "broker ready --for condition=ready=true",
        "broker broken --for=condition=Ready=False",
        "brokers -l app=shop",
        "broker nope --for=delete",
        "brokers -n other --for=delete",
        "broker ready --for=create --timeout 5s",
    ],
)
def test_what_is_so_already_is_not_waited_for(api: Api, words: str) -> None:
    """A condition has any case; `delete` is content with what was never there."""
    put(api, judged("ready", "True", labels={"app": "shop"}))
    put(api, judged("broken", "False"))
    ended = api.run("wait", *words.split())
    assert (0, "") == (ended.code, ended.err)
    assert ended.out == "" or "condition met" in ended.out


@pytest.mark.parametrize("condition", ["condition=Ready", "create"])
def test_what_becomes_so_is_waited_for(api: Api, condition: str) -> None:
    """The server's watch tells."""
    if condition != "create":
        put(api, judged("b", "False"))
    path = "/apis/eventing.knative.dev/v1/namespaces/default/brokers/b"

    async def change() -> None:
        if condition == "create":
            await api.store.create(broker("b", namespace="default"))
        else:
            await api.store.update_status({**stored, "status": judged("b", "True")["status"]})

    stored = api.get(path)
    api.after(2.0, change)
    ended = api.run("wait", "broker/b", f"--for={condition}", "--timeout=20s")
    assert (0, "broker.eventing.knative.dev/b condition met\n") == (ended.code, ended.out)


def test_a_status_of_an_earlier_generation_says_nothing(api: Api) -> None:
    """It tells of what was before the last change."""
    put(api, judged("b", "True", observed=0))
    ended = api.run("wait", "broker/b", "--timeout=1s")
    assert (1, True) == (ended.code, "timed out waiting for the condition on brokers/b" in ended.err)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("broker broken --timeout 1s", 1, "timed out waiting for the condition on brokers/broken"),
        ("broker broken --for=delete --timeout 1s", 1, "timed out waiting for the condition on brokers/broken"),
        ("broker nope --timeout 1s", 1, "nope"),
        ("brokers -n other", 1, "no matching resources found"),
        ("nope x", 1, 'resource type "nope"'),
        ("broker broken --for=nonsense", 2, "is none of"),
        ("broker broken --timeout=soon", 2, "soon"),
        ("", 2, "name a type"),
        ("broker broken --server http://127.0.0.1:1", 1, "no server answers"),
    ],
)
def test_what_does_not_come_is_told(api: Api, words: str, code: int, said: str) -> None:
    """1 where the time is over, 2 where it is misuse."""
    put(api, judged("broken", "False"))
    api.put(config_map("c"))
    ended = api.run("wait", *words.split())
    assert code == ended.code
    assert said in " ".join(ended.err.replace("│", "").split())
