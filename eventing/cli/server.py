"""What commands ask of a running server's ops API."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from eventing.cli.output import MISUSE, REFUSED, Failure

ServerOption = Annotated[str, typer.Option("--server", envvar="EVENTING_SERVER", help="Address of the ops API.")]
DEFAULT_SERVER: Final = "http://127.0.0.1:8081"
"""Where `eventing serve` has its ops API unless told otherwise."""
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


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _request(method: str, server: str, path: str, **content: Any) -> Any:
    import httpx2

    try:
        response = httpx2.request(method, server.rstrip("/") + path, timeout=TIMEOUT_S, **content)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise Failure(f"--server {server} is no address such as {DEFAULT_SERVER}: {error}", code=MISUSE) from error
    except httpx2.TransportError as error:
        reason = str(error) or type(error).__name__
        raise Failure(f"no server answers at --server {server}: {reason}") from error
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
