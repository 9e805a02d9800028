"""How commands reach a running server's API: by its address, or by a kubeconfig, which holds token and certificate."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from eventing.cli.output import MISUSE, REFUSED, Failure

if TYPE_CHECKING:
    import httpx2

    from eventing.kubeconfig import Connection

ServerOption = Annotated[
    str,
    typer.Option("--server", envvar="EVENTING_SERVER", help="Address of the API, or a kubeconfig that names it."),
]
DEFAULT_SERVER: Final = "http://127.0.0.1:8081"
"""Where `eventing serve` has its API unless told otherwise."""
TIMEOUT_S: Final = 60.0
"""Discarding a million dead letters takes a while."""
_NOT_FOUND: Final = 404
_INVALID: Final = 422


class Absent(Failure):
    """There is nothing of that name."""


def ask(server: str, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """The JSON value that the ops API answers. Parameters that are None are left out.

    Raises Absent where it has none of that name, and Failure where nobody answers at `server`, or answers anything but
    success in JSON.
    """
    return _request("GET", server, path, params=_given(parameters or {}))


def order(server: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Have the ops API do something, and return what it answers. Members that are None are left out. Raises as `ask`
    does.
    """
    return _request("POST", server, path, json=_given(body or {}))


@contextmanager
def connected(server: str) -> "Iterator[httpx2.Client]":
    """A client of that server. Within the context, what keeps it from being reached is raised as Failure."""
    import httpx2

    try:
        with _client(server) as client:
            yield client
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        words = f"--server {server} is no address such as {DEFAULT_SERVER}, and no kubeconfig: {error}"
        raise Failure(words, code=MISUSE) from error
    except httpx2.TransportError as error:
        reason = str(error) or type(error).__name__
        raise Failure(f"no server answers at --server {server}: {reason}") from error


def _client(server: str) -> "httpx2.Client":
    import httpx2

    found = _connection(server)
    headers = {"Authorization": f"Bearer {found.token}"} if found.token else {}
    verify: Any = True
    if found.ca:
        import ssl

        verify = ssl.create_default_context(cadata=found.ca)
        # What a kubeconfig holds may be the server's own certificate, which no authority of its own signed.
        verify.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return httpx2.Client(base_url=found.server.rstrip("/"), headers=headers, verify=verify, timeout=TIMEOUT_S)


def _connection(server: str) -> "Connection":
    from eventing.kubeconfig import BadKubeconfig, Connection, read

    if "://" in server or not Path(server).is_file():
        return Connection(server)
    try:
        return read(Path(server))
    except BadKubeconfig as error:
        raise Failure(f"--server {error}", code=MISUSE) from error


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _request(method: str, server: str, path: str, **content: Any) -> Any:
    with connected(server) as client:
        response = client.request(method, path, **content)
    try:
        answer = response.json()
    except ValueError as error:
        raise Failure(f"what answers at --server {server} is no ops API of eventing") from error
    if not response.is_success:
        words = answer.get("message") if isinstance(answer, dict) else None
        text = f"{words or response.reason_phrase} (--server {server} answered {response.status_code})"
        kind = Absent if response.status_code == _NOT_FOUND else Failure
        raise kind(text, code=MISUSE if response.status_code == _INVALID else REFUSED)
    return answer
