"""What cannot be done over HTTP, and how it is said."""

from typing import Any

import pytest

from eventing.apiserver.body import SIZE_MAX_BYTES
from tests.eventing.apiserver.stage import BROKERS, EVENTING, MERGE, TABLE, broker, refusal, staged

YAML = {"Content-Type": "application/yaml"}


@pytest.mark.parametrize(
    ("method", "path", "request_", "expected"),
    [
        ("GET", f"{BROKERS}/x", {}, (404, "NotFound", 'brokers.eventing.knative.dev "x" not found')),
        ("PUT", f"{BROKERS}/x", {"json": broker("x")}, (404, "NotFound", 'brokers.eventing.knative.dev "x" not found')),
        ("GET", f"{BROKERS}/b/scale", {}, (404, "NotFound", 'brokers.eventing.knative.dev "b" not found')),
        ("DELETE", f"{BROKERS}/x", {}, (404, "NotFound", 'brokers.eventing.knative.dev "x" not found')),
        (
            "POST",
            BROKERS,
            {"json": broker()},
            (409, "AlreadyExists", 'brokers.eventing.knative.dev "b" already exists'),
        ),
        (
            "POST",
            f"{EVENTING}/namespaces/nowhere/brokers",
            {"json": broker()},
            (404, "NotFound", 'namespaces "nowhere" not found'),
        ),
        (
            "PUT",
            f"{BROKERS}/b",
            {"json": broker()},
            (
                422,
                "Invalid",
                (
                    'Broker.eventing.knative.dev "b" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be '
                    "specified for an update"
                ),
            ),
        ),
        (
            "PUT",
            f"{BROKERS}/b",
            {"json": broker(resourceVersion="1")},
            (
                409,
                "Conflict",
                (
                    'Operation cannot be fulfilled on brokers.eventing.knative.dev "b": the object has been modified; '
                    "please apply your changes to the latest version and try again"
                ),
            ),
        ),
        (
            "PUT",
            f"{BROKERS}/b",
            {"json": broker(uid="1", resourceVersion="2")},
            (409, "Conflict", ...),
        ),
        (
            "GET",
            f"{BROKERS}?fieldSelector=spec.config%3Dx",
            {},
            (400, "BadRequest", "field label not supported: spec.config"),
        ),
        ("GET", f"{BROKERS}?labelSelector=%3D", {}, (400, "BadRequest", ...)),
        ("GET", f"{BROKERS}?limit=x", {}, (400, "BadRequest", ...)),
        ("GET", f"{BROKERS}?continue=x", {}, (400, "BadRequest", ...)),
        ("GET", f"{BROKERS}?resourceVersionMatch=Exact&resourceVersion=1", {}, (410, "Expired", ...)),
        ("GET", f"{BROKERS}?watch=1&continue=x", {}, (422, "Invalid", ...)),
        ("GET", f"{BROKERS}?watch=1&labelSelector=%3D", {}, (400, "BadRequest", ...)),
        ("PATCH", BROKERS, {"json": {}, "headers": MERGE}, (405, "MethodNotAllowed", ...)),
        ("POST", f"{BROKERS}/b", {"json": {}}, (405, "MethodNotAllowed", ...)),
        ("POST", f"{EVENTING}/brokers", {"json": {}}, (405, "MethodNotAllowed", ...)),
        ("DELETE", f"{BROKERS}/b/status", {}, (405, "MethodNotAllowed", ...)),
        ("OPTIONS", BROKERS, {}, (405, "MethodNotAllowed", ...)),
        ("GET", BROKERS, {"headers": {"Accept": "text/html"}}, (406, "NotAcceptable", ...)),
        ("GET", f"{BROKERS}?includeObject=x", {"headers": TABLE}, (400, "BadRequest", ...)),
        ("GET", BROKERS, {"headers": {"Impersonate-User": "u" * 254}}, (400, "BadRequest", ...)),
        (
            "POST",
            BROKERS,
            {"content": b"x", "headers": {"Content-Type": "text/plain"}},
            (415, "UnsupportedMediaType", ...),
        ),
        (
            "PATCH",
            f"{BROKERS}/b",
            {"content": b"{}", "headers": {"Content-Type": "application/strategic-merge-patch+json"}},
            (
                415,
                "UnsupportedMediaType",
                (
                    "the body of the request was in an unknown format - accepted media types include: "
                    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
                ),
            ),
        ),
        (
            "PATCH",
            f"{BROKERS}/b",
            {
                "json": [{"op": "test", "path": "/metadata/name", "value": "zz"}],
                "headers": {"Content-Type": "application/json-patch+json"},
            },
            (422, "Invalid", "the server rejected our request due to an error in our request"),
        ),
        (
            "PATCH",
            f"{BROKERS}/b",
            {"json": {}, "headers": {"Content-Type": "application/json-patch+json"}},
            (400, "BadRequest", ...),
        ),
        ("POST", BROKERS, {"content": b"{"}, (400, "BadRequest", ...)),
        ("POST", BROKERS, {"content": b"\xff"}, (400, "BadRequest", ...)),
        ("POST", BROKERS, {"content": b""}, (400, "BadRequest", ...)),
        ("POST", BROKERS, {"content": b"[" * 100_000}, (400, "BadRequest", ...)),
        ("POST", BROKERS, {"content": b"a: *x", "headers": YAML}, (400, "BadRequest", ...)),
        ("POST", BROKERS, {"content": b"a: 1\n---\nb: 2", "headers": YAML}, (400, "BadRequest", ...)),
        ("POST", BROKERS, {"content": b'{"kind":"Broker","kind":"Broker"}'}, (400, "BadRequest", ...)),
        ("POST", BROKERS, {"content": b'{"spec": 1' + b"0" * 400 + b"}"}, (400, "BadRequest", ...)),
        ("POST", BROKERS, {"content": b" " * (SIZE_MAX_BYTES + 1)}, (413, "RequestEntityTooLarge", ...)),
        ("POST", BROKERS, {"json": {"metadata": {"name": "B_"}}}, (422, "Invalid", ...)),
        ("POST", BROKERS, {"json": {"metadata": {"name": 1}}}, (422, "Invalid", ...)),
        ("POST", BROKERS, {"json": [1]}, (400, "BadRequest", ...)),
        ("POST", f"{BROKERS}?dryRun=x", {"json": broker("c")}, (422, "Invalid", ...)),
        (
            "POST",
            f"{BROKERS}?fieldValidation=Strict",
            {"json": {**broker("c"), "spec": {"delivry": {"retry": 3}}}},
            (
                400,
                "BadRequest",
                (
                    'Broker in version "v1" cannot be handled as a Broker: strict decoding error: unknown field '
                    '"spec.delivry"'
                ),
            ),
        ),
        ("DELETE", f"{BROKERS}/b", {"content": b"[]"}, (400, "BadRequest", ...)),
        (
            "DELETE",
            f"{BROKERS}/b",
            {"content": b'{"preconditions":{"uid":"1"}}'},
            (409, "Conflict", ...),
        ),
        (
            "DELETE",
            f"{BROKERS}/b",
            {"content": b'{"preconditions":{"resourceVersion":"1"}}'},
            (409, "Conflict", ...),
        ),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_status(
    method: str, path: str, request_: dict[str, Any], expected: tuple[int, str, Any]
) -> None:
    """Never a 500, whatever is sent: the code and the reason tell programs, the message people."""
    async with staged() as stage:
        await stage.client.post(BROKERS, json=broker())
        found = await refusal(stage, method, path, **request_)
    code, reason, message = expected
    assert (code, reason) == found[:2]
    assert message in (..., found[2])


async def test_a_body_without_a_declared_size_is_bounded_too() -> None:
    """What comes in chunks is refused at the bound, not read to its end."""

    async def endless() -> Any:
        for _ in range(SIZE_MAX_BYTES // 65536 + 2):
            yield b" " * 65536

    async with staged() as stage:
        answer = await stage.client.post(BROKERS, content=endless())
        assert answer.status_code == 413


async def test_odd_characters_in_a_path_are_part_of_a_name() -> None:
    """A namespace of a tab is one that is not there, and no other."""
    async with staged() as stage:
        listed = await stage.client.get(f"{EVENTING}/namespaces/%09/brokers")
        assert (listed.status_code, listed.json()["items"]) == (200, [])
        found = await refusal(stage, "GET", f"{EVENTING}/namespaces/.%C2%93/brokers/%0D")
        assert found == (404, "NotFound", 'brokers.eventing.knative.dev "\r" not found')


async def test_a_path_that_leads_nowhere_is_answered_in_plain_text() -> None:
    """By which clients tell that the server does not know the kind."""
    async with staged() as stage:
        for path in ("/apis/serving.knative.dev/v1/namespaces/default/services/x", "/api/v1/pods", f"{EVENTING}/x"):
            answer = await stage.client.get(path)
            assert (answer.status_code, answer.text) == (404, "404 page not found\n")
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"
