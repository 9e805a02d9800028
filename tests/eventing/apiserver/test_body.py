"""Bodies of requests."""

import pytest
from starlette.requests import ClientDisconnect, Request

from eventing.apiserver.body import CORE_TYPES, OBJECT_TYPES, decoded, media_type_of, read_body
from eventing.apiserver.protobuf import PROTOBUF
from eventing.apiserver.refusal import Refused
from tests.eventing.apiserver.stage import CONFIG_MAPS, staged
from tests.eventing.apiserver.test_protobuf import entry, enveloped, field


def request(content_type: str | None) -> Request:
    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("Application/YAML", "application/yaml"),
        ("application/x-yaml", "application/yaml"),
    ],
)
def test_a_body_is_of_the_type_it_names(content_type: str | None, expected: str) -> None:
    """JSON where it names none."""
    assert expected == media_type_of(request(content_type), OBJECT_TYPES)


def test_other_types_are_refused() -> None:
    """Protobuf is for core kinds."""
    assert media_type_of(request(PROTOBUF), CORE_TYPES) == PROTOBUF
    with pytest.raises(Refused) as caught:
        media_type_of(request(PROTOBUF), OBJECT_TYPES)
    assert caught.value.code == 415


@pytest.mark.parametrize(
    ("content", "media_type", "words"),
    [
        (b"", "application/json", "(<empty>)"),
        (b'{"a":', "application/json", '({"a":)'),
        (b'{"a": "' + b"x" * 40, "application/json", '({"a": "xxxxxxxxxxxxxxxxxxxxxxx ...)'),
        (b"[1", "application/json", "(5b31)"),
        (b"\xff", "application/json", "the body is not UTF-8 (ff)"),
        (b"a: [", "application/yaml", "yaml parse error"),
        (b"---\n---\n", "application/yaml", "one document is expected, there are 2"),
        (b"x", PROTOBUF, "does not begin as Kubernetes' protobuf does (78)"),
    ],
)
def test_what_cannot_be_decoded_is_refused_with_its_beginning(content: bytes, media_type: str, words: str) -> None:
    """In Kubernetes' words: what it should be, why it is none, and as much of it as tells it apart."""
    with pytest.raises(Refused) as caught:
        decoded(content, media_type, "Broker")
    assert caught.value.message.startswith("the object provided is unrecognized (must be of type Broker): ")
    assert words in caught.value.message


async def test_core_kinds_are_taken_in_protobuf() -> None:
    """As `kubectl create configmap` sends them; the answer is JSON."""
    raw = field(1, field(1, "c")) + field(2, entry("a", "b"))
    headers = {"Content-Type": PROTOBUF, "Accept": f"{PROTOBUF},application/json"}
    async with staged() as stage:
        answer = await stage.client.post(CONFIG_MAPS, content=enveloped("ConfigMap", raw), headers=headers)
        assert (answer.status_code, answer.json()["data"]) == (201, {"a": "b"})


async def test_a_client_that_goes_while_it_sends_is_let_go() -> None:
    """There is nobody to answer, and nothing to log."""

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http", "method": "POST", "path": CONFIG_MAPS, "headers": [], "query_string": b"", "root_path": "",
        "scheme": "http", "server": ("server", 80),
    }  # fmt: skip
    with pytest.raises(ClientDisconnect):
        await read_body(Request(scope, receive))
    sent = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async with staged() as stage:
        await stage.app(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 400
