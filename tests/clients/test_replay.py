"""The replay itself: it must pass on what was recorded, and fail on one word that was not."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.clients.recording import Command, Exchange, read_session
from tests.clients.replay import Differences, Found, Replay
from tests.clients.scripted import scripted_client

SHARED = Path(__file__).parents[3] / "shared" / "conformance"
FOLDERS = [
    folder
    for folder in ("wire/kn", "wire/kubectl", "knative/wire/kn", "knative/wire/kubectl", "knative/wire/kubectl2")
    if (SHARED / folder).is_dir()
]
OBJECT: dict[str, Any] = {
    "kind": "Broker",
    "metadata": {"name": "b", "uid": "UID", "resourceVersion": "5", "generateName": "b"},
    "spec": {"class": "one"},
}


def exchange(method: str, path: str, answer: Any, *, status: int = 200, request: Any = "", **query: str) -> Exchange:
    headers = {"Accept": "application/json"}
    return Exchange(method, path, tuple(query.items()), headers, request, status, "application/json", answer)


def replayed(commands: list[Command], client: Any, *, is_defaulted: bool = True) -> list[str]:
    bodies = {command.name: {} for command in commands}
    replay = Replay(client, is_defaulted=is_defaulted, json_bodies=bodies, watch_max_s=0.5)
    return [str(one) for one in replay.run(commands)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_session_passes_on_its_own_recording(folder: str) -> None:
    """Whatever the recording's form is, it is not taken for a difference."""
    commands = read_session(SHARED / folder)
    assert [] == replayed(commands, scripted_client(commands))


@pytest.mark.parametrize("folder", FOLDERS)
def test_one_word_that_changes_is_found_and_nothing_else(folder: str) -> None:
    """In the last refusal of each session, whatever it was."""
    commands = read_session(SHARED / folder)
    refusals = [one for command in commands for one in command.exchanges if "message" in str(one.answer)[:200]]
    changed = next(one for one in reversed(refusals) if isinstance(one.answer, dict) and "message" in one.answer)

    def change(asked: Exchange, answer: Any) -> Any:
        return {**answer, "message": "other words"} if asked is changed else answer

    (found,) = replayed(commands, scripted_client(commands, change))
    assert found.endswith(f'#message: recorded {json.dumps(changed.answer["message"])}, answered "other words"')


def test_the_servers_own_values_are_sent_for_the_recorded_ones() -> None:
    """A version, a UID, a time and a generated name come from the server that is asked."""
    sent = {"metadata": {"name": "b", "uid": "UID", "resourceVersion": "5", "creationTimestamp": "TIME"}}
    commands = [
        Command("c", "", (exchange("POST", "/brokers", OBJECT),)),
        Command("c", "", (exchange("PUT", "/brokers/b", OBJECT, request=sent),)),
        Command("c", "", (exchange("GET", "/brokers", {"kind": "List"}, resourceVersion="5"),)),
    ]
    asked: list[tuple[str, str]] = []
    client = scripted_client(commands, lambda one, answer: answer)
    client.event_hooks["request"].append(lambda request: asked.append((request.url.path, _read(request))))
    living = {**OBJECT["metadata"], "name": "b-x", "uid": "u", "resourceVersion": "7", "creationTimestamp": "t"}
    client._transport.handler = _always(client._transport.handler, {**OBJECT, "metadata": living})
    list(Replay(client, is_defaulted=True).run(commands))
    assert [
        ("/brokers", ""),
        ("/brokers/b-x", '{"metadata": {"name": "b-x", "uid": "u", "resourceVersion": "7", "creationTimestamp": "t"}}'),
        ("/brokers", ""),
    ] == asked


def _read(request: Any) -> str:
    return bytes(request.read()).decode()


def _always(handler: Any, answer: Any) -> Any:
    def answered(request: Any) -> Any:
        response = handler(request)
        return type(response)(200, json=answer)

    return answered


def test_a_stale_version_stays_stale() -> None:
    """A version that the recorded server never gave is what the session is about."""
    sent = {"metadata": {"name": "b", "resourceVersion": "1"}}
    commands = [
        Command("c", "", (exchange("GET", "/brokers/b", OBJECT),)),
        Command("c", "", (exchange("PUT", "/brokers/b", OBJECT, request=sent),)),
    ]
    bodies: list[str] = []
    client = scripted_client(commands)
    client.event_hooks["request"].append(lambda request: bodies.append(_read(request)))
    list(Replay(client, is_defaulted=True).run(commands))
    assert '{"metadata": {"name": "b", "resourceVersion": "1"}}' == bodies[-1]


def test_an_update_that_came_too_late_is_made_again() -> None:
    """A controller may write between a client's reading and its writing; the client then reads again."""
    sent = {"metadata": {"name": "b", "resourceVersion": "5"}}
    commands = [Command("c", "", (exchange("PUT", "/brokers/b", OBJECT, request=sent),))]
    answers = [httpx2.Response(409, json={}), httpx2.Response(200, json={"metadata": {"resourceVersion": "9"}})]
    asked: list[tuple[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.method, _read(request)))
        return answers.pop(0) if answers else httpx2.Response(200, json=OBJECT)

    client = httpx2.Client(transport=httpx2.MockTransport(answer), base_url="http://scripted")
    assert [] == replayed(commands, client)
    bodies = [f'{{"metadata": {{"name": "b", "resourceVersion": "{version}"}}}}' for version in (5, 9)]
    assert [("PUT", bodies[0]), ("GET", ""), ("PUT", bodies[1])] == asked


def test_a_watch_is_read_beside_what_it_waits_for() -> None:
    """The watch comes before the deletion that it sees, as it did when it was recorded."""
    deleted = {"type": "DELETED", "object": OBJECT}
    watch = exchange("GET", "/brokers", {"stream": [deleted]}, watch="true")
    commands = [Command("c", "", (watch, exchange("DELETE", "/brokers/b", {"kind": "Status"})))]
    assert [] == replayed(commands, scripted_client(commands))
    (found,) = replayed(commands, scripted_client(commands, lambda one, answer: _renamed(answer, one)))
    assert found.startswith("c: GET /brokers#spec.class: ")


def _renamed(answer: Any, asked: Exchange) -> Any:
    return {**answer, "object": {**OBJECT, "spec": {"class": "two"}}} if asked.is_watch else answer


def test_what_a_session_found_there_is_made_before_it() -> None:
    """A Service that the recorded cluster had is created, without what its server had added."""
    service = {"kind": "Service", "metadata": {"name": "s", "uid": "UID"}, "spec": {}, "status": {}}
    commands = [Command("c", "", (exchange("GET", "/services/s", service), exchange("GET", "/brokers", OBJECT)))]
    bodies: list[tuple[str, str]] = []
    client = scripted_client(commands)
    client.event_hooks["request"].append(lambda request: bodies.append((request.url.path, _read(request))))
    Replay(client, is_defaulted=True).prepare(commands[:1])
    assert ("/services", '{"kind":"Service","metadata":{"name":"s"},"spec":{}}') == bodies[0]


def test_a_difference_is_covered_by_the_entry_that_names_it() -> None:
    """Patterns are of the command's name and of the place; brackets mean themselves."""
    commands = [Command("001-get", "", (exchange("GET", "/brokers", {"items": [OBJECT]}),))]
    client = scripted_client(commands, lambda one, answer: {"items": [{**OBJECT, "spec": {}}]})
    (found,) = Replay(client, is_defaulted=True).run(commands)
    covering: Differences = {"why": (("001-*", "GET /brokers#items[Broker b].spec.*"),)}
    other: Differences = {"why": (("002-*", "*"), ("*", "*.status.*"))}
    assert isinstance(found, Found)
    assert found.is_covered(covering)
    assert not found.is_covered(other)
