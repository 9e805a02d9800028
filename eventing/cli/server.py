"""What commands ask of a running server's ops API."""

from typing import Annotated, Any, Final

import typer

from eventing.cli.output import MISUSE, Failure

ServerOption = Annotated[str, typer.Option("--server", envvar="EVENTING_SERVER", help="Address of the ops API.")]
DEFAULT_SERVER: Final = "http://127.0.0.1:8081"
"""Where `eventing serve` has its ops API unless told otherwise."""
TIMEOUT_S: Final = 10.0


def ask(server: str, path: str, **parameters: str | int | None) -> Any:
    """The JSON value that the ops API answers. Parameters that are None are left out.

    Raises Failure where nobody answers at `server`, or answers anything but success in JSON.
    """
    import httpx2

    given = {name: value for name, value in parameters.items() if value is not None}
    try:
        response = httpx2.get(server.rstrip("/") + path, params=given, timeout=TIMEOUT_S)
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
        raise Failure(f"{words or response.reason_phrase} (--server {server} answered {response.status_code})")
    return answer
