"""The guard in front of the API: tokens, and no page of another site."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eventing.access import BadTokenFile, Guard, Tokens, is_loopback_host

TOKEN = "0123456789abcdef"


async def who(scope: Any, receive: Any, send: Any) -> None:
    """Answers who asks."""
    body = scope["state"]["user"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def ask(guard: Guard, path: str = "/api", headers: Mapping[str, str] | None = None) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=guard)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as client:
        return await client.get(path, headers=headers)


def guard(*, tokens: Tokens | None = None, is_loopback: bool = True) -> Guard:
    return Guard(who, tokens=tokens, is_loopback=is_loopback)


async def test_loopback_needs_no_token() -> None:
    """Whoever asks is the administrator."""
    answer = await ask(guard())
    assert (200, "admin") == (answer.status_code, answer.text)


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
async def test_without_a_token_that_is_known_nobody_passes(authorization: str | None) -> None:
    """The answer is Kubernetes': a Status, 401."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await ask(guard(tokens=Tokens([(TOKEN, "eve")])), headers=headers)
    assert 401 == answer.status_code
    assert ("Status", "Unauthorized") == (answer.json()["kind"], answer.json()["reason"])
    assert "Bearer" == answer.headers["www-authenticate"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_a_token_says_who_asks(scheme: str) -> None:
    """Its user goes into annotations and managed fields."""
    answer = await ask(guard(tokens=Tokens([("another-token-of-16", "adam"), (TOKEN, "eve")])), "/api", {
        "Authorization": f"{scheme} {TOKEN}"
    })  # fmt: skip
    assert (200, "eve") == (answer.status_code, answer.text)


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_probes_need_no_token(path: str) -> None:
    """Whoever restarts a server that hangs has none."""
    assert 200 == (await ask(guard(tokens=Tokens([(TOKEN, "eve")])), path)).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8081"},
        {"Host": "localhost.evil.example"},
        {"Host": "192.168.0.1"},
        {"Host": "[2001:db8::1]:8081"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "https://127.0.0.1:8081"},
    ],
)
async def test_on_loopback_no_page_of_another_site_drives_the_api(headers: Mapping[str, str]) -> None:
    """A rebound name shows in Host, a page in Origin; another port of the same machine is another site, too."""
    answer = await ask(guard(), headers=headers)
    assert (403, "Forbidden") == (answer.status_code, answer.json()["reason"])


@pytest.mark.parametrize("headers", [{"Host": "localhost:8081"}, {"Origin": "http://127.0.0.1:8081"}])
async def test_the_servers_own_pages_pass(headers: Mapping[str, str]) -> None:
    """Its OpenAPI page uses it."""
    assert 200 == (await ask(guard(), headers=headers)).status_code


async def test_elsewhere_the_token_decides_alone() -> None:
    """Behind a name of its own a server is asked under that name, and a browser adds no token by itself."""
    headers = {"Host": "events.example", "Origin": "https://console.example", "Authorization": f"Bearer {TOKEN}"}
    assert 200 == (await ask(guard(tokens=Tokens([(TOKEN, "eve")]), is_loopback=False), headers=headers)).status_code


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.:80", True),
        ("app.localhost:8081", True),
        ("127.8.9.1", True),
        ("[::1]:8081", True),
        ("[::1", False),
        ("0.0.0.0:8081", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_what_leads_to_the_machine_itself(host: str, expected: bool) -> None:
    assert expected == is_loopback_host(host)


def test_a_file_has_a_token_a_line_and_perhaps_its_user(tmp_path: Path) -> None:
    """Kubernetes' own files, with id and groups, are read as well."""
    file = tmp_path / "tokens"
    file.write_text(f'# who may\n\n{TOKEN}\nsecond-token-of-16,eve\nthird-token-of--16, adam ,7,"system:masters"\n')
    tokens = Tokens.read(file)
    assert TOKEN == tokens.first
    found = [tokens.user_of(token) for token in (TOKEN.encode(), b"second-token-of-16", b"third-token-of--16", b"x")]
    assert ["admin", "eve", "adam", None] == found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# none\n", "holds no token"),
        (b"short\n", "line 1: a token is 16 or more printable characters"),
        (f"{TOKEN}\n{TOKEN} {TOKEN}\n".encode(), "line 2: a token is 16 or more printable characters"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_holds_no_tokens_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Rather than lock everybody out, or let anybody in."""
    file = tmp_path / "tokens"
    file.write_bytes(content)
    with pytest.raises(BadTokenFile, match=words):
        Tokens.read(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTokenFile, match="cannot be read"):
        Tokens.read(tmp_path / "none")


async def test_what_is_no_request_passes() -> None:
    """A lifespan is between server and application."""
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await Guard(app, tokens=None, is_loopback=True)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert ["lifespan"] == seen
