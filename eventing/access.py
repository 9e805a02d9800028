"""Who may use the API: bearer tokens, and on loopback no web page of another site.

A browser lets every page send requests to 127.0.0.1. What tells them from `kubectl` is the Host they were resolved
from (a name that was rebound to loopback is not ours) and the Origin they come from. Source: Kubernetes' static token
file and its 401; the Fetch standard's Origin header.
"""

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from eventing.kubeconfig import Connection
from eventing.listener import Listener
from eventing.settings import Settings
from eventing.tls import BadCertificate, Certificate

ADMIN: Final = "admin"
"""Who asks where nobody is asked who they are, or where a token names no user."""
OPEN_PATHS: Final = frozenset({"/healthz", "/livez", "/readyz"})
"""What probes ask, who have no token. They tell nothing but whether the server works."""
_EVERYWHERE: Final = ("0.0.0.0", "::")
_TOKEN_SIZE_MIN: Final = 16
_FILE_SIZE_MAX_BYTES: Final = 1024 * 1024
_REASONS: Final = {401: "Unauthorized", 403: "Forbidden"}


class BadTokenFile(Exception):  # noqa: N818 - named for what it is
    """The operator must act: the file of tokens cannot be read, or holds what is no token."""


class UnprotectedApi(Exception):  # noqa: N818
    """The operator must act: the API would be open to other machines without a token, or unencrypted."""


class Tokens:
    """Bearer tokens and whose they are."""

    def __init__(self, users: Iterable[tuple[str, str]]) -> None:
        self._users = [(token.encode(), user) for token, user in users]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The tokens in a file: one per line, `TOKEN` or `TOKEN,USER`; what follows a second comma is left alone, as
        Kubernetes' own files have a user's id and groups there. Raises BadTokenFile.
        """
        try:
            with path.open("rb") as file:
                text = file.read(_FILE_SIZE_MAX_BYTES).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise BadTokenFile(f"{path}: cannot be read: {error}") from error
        lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
        users = [_user(path, number, line) for number, line in lines if line and not line.startswith("#")]
        if not users:
            raise BadTokenFile(f"{path}: holds no token; write one into it, for example from: openssl rand -hex 32")
        return cls(users)

    def replace(self, others: Self) -> None:
        """Those of the others count from here on, and no more what was known."""
        self._users = others._users

    @property
    def first(self) -> str:
        """The first token: the one that goes into a kubeconfig."""
        return self._users[0][0].decode()

    def user_of(self, token: bytes) -> str | None:
        """Whose token that is, None for nobody's. Takes as long for a wrong one as for a right one."""
        found = None
        for known, user in self._users:
            if hmac.compare_digest(known, token):
                found = user
        return found


def _user(path: Path, number: int, line: str) -> tuple[str, str]:
    token, _, rest = line.partition(",")
    token, user = token.strip(), rest.partition(",")[0].strip()
    if len(token) < _TOKEN_SIZE_MIN or not token.isascii() or not token.isprintable() or " " in token:
        raise BadTokenFile(f"{path}: line {number}: a token is {_TOKEN_SIZE_MIN} or more printable characters")
    return token, user or ADMIN


@dataclass(frozen=True, slots=True)
class Access:
    """What the operator set about access to the API. `certificate` is None where it is not encrypted."""

    tokens: Tokens | None
    certificate: Certificate | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the files that the settings name. Raises BadTokenFile, BadCertificate."""
        if (settings.tls_cert is None) != (settings.tls_key is None):
            raise BadCertificate("--tls-cert and --tls-key: one needs the other")
        tokens = None if settings.api_token_file is None else Tokens.read(settings.api_token_file)
        if settings.tls_cert is None or settings.tls_key is None:
            return cls(tokens, None)
        return cls(tokens, Certificate.read(settings.tls_cert, settings.tls_key))

    def listen(self, host: str, port: int) -> Listener:
        """The API's door, which answers nobody yet. Raises PortTaken, CannotListen, UnprotectedApi."""
        context = None if self.certificate is None else self.certificate.context
        listener = Listener("--api-port", host, port, tls=context)
        if not listener.is_loopback and (self.tokens is None or self.certificate is None):
            listener.close()
            raise UnprotectedApi(
                f"--api-host {host} can be reached from other machines: it needs --api-token-file, and --tls-cert with "
                "--tls-key; or listen on 127.0.0.1"
            )
        return listener

    def guard(self, app: ASGIApp, listener: Listener) -> "Guard":
        """The application, for those who may use it."""
        return Guard(app, tokens=self.tokens, is_loopback=listener.is_loopback)

    def connection(self, listener: Listener, host: str) -> Connection:
        """How clients reach it: by the name that the certificate is for where `host` is all addresses."""
        url, certificate = listener.url, self.certificate
        if certificate is not None and certificate.hosts and not listener.is_loopback and host in _EVERYWHERE:
            name = certificate.hosts[0]
            url = f"https://{f'[{name}]' if ':' in name else name}:{url.rpartition(':')[2]}"
        token = "" if self.tokens is None else self.tokens.first
        return Connection(url, token, "" if certificate is None else certificate.chain)


class Guard:
    """An ASGI application in front of another: lets through who may pass, and says who they are in `state.user`."""

    def __init__(self, app: ASGIApp, *, tokens: Tokens | None, is_loopback: bool) -> None:
        self._app = app
        self._tokens = tokens
        self._is_loopback = is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 403 to what another site's page may have sent, 401 to who shows no token that is known."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        fault = _foreign(headers, scope["scheme"]) if self._is_loopback else ""
        user = ADMIN if self._tokens is None else self._tokens.user_of(_bearer(headers))
        if fault:
            await _refuse(send, 403, fault)
        elif user is None and scope["path"] not in OPEN_PATHS:
            await _refuse(send, 401, "Unauthorized")
        else:
            scope.setdefault("state", {})["user"] = user or ADMIN
            await self._app(scope, receive, send)


def is_loopback_host(host: str) -> bool:
    """True for names and addresses that lead to the machine itself wherever they are looked up, with a port or not."""
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    name = name.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _foreign(headers: dict[bytes, bytes], scheme: str) -> str:
    """Why the request may come from another site's page; empty where it cannot."""
    host, origin = headers.get(b"host", b"").decode("latin-1"), headers.get(b"origin")
    if host and not is_loopback_host(host):
        return "the Host header names another machine; use 127.0.0.1 or localhost"
    if origin is not None and origin.decode("latin-1") != f"{scheme}://{host}":
        return "pages of other origins may not use this API"
    return ""


def _bearer(headers: dict[bytes, bytes]) -> bytes:
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


async def _refuse(send: Send, code: int, message: str) -> None:
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS[code],
        "code": code,
    }
    body = orjson.dumps(status)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if code == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
