"""OpenAPI documents over HTTP."""

import pytest

from eventing.apiserver.openapi_endpoint import V2_PROTOBUF
from tests.eventing.apiserver.stage import staged


async def test_documents_are_made_once_and_had_by_their_path() -> None:
    """With a tag to ask less by."""
    async with staged() as stage:
        for _ in range(2):
            index = await stage.client.get("/openapi/v3")
            assert index.json()["paths"]["api/v1"]["serverRelativeURL"] == "/openapi/v3/api/v1?hash=1"
            document = await stage.client.get("/openapi/v3/api/v1?hash=1")
            assert document.json() == {"openapi": "3.0.0"}
        assert stage.documents.made == ["v3", "api/v1"]
        again = await stage.client.get("/openapi/v3", headers={"If-None-Match": index.headers["etag"]})
        assert again.status_code == 304


async def test_a_document_that_is_not_there_is_not_found() -> None:
    """In plain text, and not remembered: paths are the client's to choose."""
    async with staged() as stage:
        for _ in range(2):
            answer = await stage.client.get("/openapi/v3/apis/other/v1")
            assert (answer.status_code, answer.text) == (404, "404 page not found\n")
        assert stage.documents.made == ["apis/other/v1"] * 2


@pytest.mark.parametrize(
    ("accept", "content_type", "content"),
    [
        ("application/json", "application/json", b'{"swagger":"2.0"}\n'),
        ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", V2_PROTOBUF, b"\x0a\x032.0"),
    ],
)
async def test_the_old_document_is_had_in_protobuf(accept: str, content_type: str, content: bytes) -> None:
    """Which is all that old clients ask for; JSON is for people."""
    async with staged() as stage:
        answer = await stage.client.get("/openapi/v2", headers={"Accept": accept})
        assert (answer.headers["content-type"], answer.content) == (content_type, content)


@pytest.mark.parametrize("path", ["/openapi/v2", "/openapi/v3"])
async def test_documents_are_only_read(path: str) -> None:
    """405, and 406 for who takes nothing that there is."""
    async with staged() as stage:
        assert (await stage.client.post(path)).status_code == 405
        assert (await stage.client.get(path, headers={"Accept": "text/html"})).status_code == 406
