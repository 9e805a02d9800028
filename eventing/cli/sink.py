"""`eventing sink`: print what arrives, and answer as told: to try Triggers, retries and dead letters out."""

import errno
import socket
from collections.abc import Callable
from typing import Annotated, Final, Literal

import typer

from eventing.cli.output import MISUSE, Failure
from eventing.cli.receiver import Behaviour, Receiver, as_json, as_text

_SHUTDOWN_TIMEOUT_S: Final = 1
"""What delayed answers still get when the sink is stopped: `--delay` may be far longer."""

Host = Annotated[str, typer.Option(help="Where to listen.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one; stderr tells which.")]
Status = Annotated[int | None, typer.Option(min=200, max=599, help="Answer this, to all or to the first --fail-first.")]
FailFirst = Annotated[
    int | None, typer.Option(min=1, help="Fail this many requests (503 without --status), then accept.")
]
Delay = Annotated[float, typer.Option(min=0.0, metavar="SECONDS", help="Wait before each answer.")]
ReplyType = Annotated[str | None, typer.Option(help="Answer with an event of this type, and the data that came.")]
ReplySource = Annotated[str, typer.Option(help="The source of replies.")]
Lines = Annotated[
    Literal["text", "json"], typer.Option("-o", "--output", help="For people, or a JSON object per line.")
]


def sink(
    host: Host = "127.0.0.1",
    port: Port = 9000,
    status: Status = None,
    fail_first: FailFirst = None,
    delay: Delay = 0.0,
    reply_type: ReplyType = None,
    reply_source: ReplySource = "/eventing/sink",
    output: Lines = "text",
) -> None:
    """Receive CloudEvents, print them, and answer 202, or 200 with a reply, until interrupted."""
    if fail_first is not None and status is not None and status < 300:
        raise Failure(f"--fail-first: --status {status} is no failure", code=MISUSE)
    behaviour = Behaviour(
        status=503 if status is None and fail_first is not None else status,
        fail_first=fail_first,
        delay_s=delay,
        reply_type=reply_type,
        reply_source=reply_source,
    )
    receiver = Receiver(behaviour, show=as_json if output == "json" else as_text, write=typer.echo)
    listener = _listen(host, port)
    try:
        typer.echo(f"listening on http://{_shown(host)}:{listener.getsockname()[1]}", err=True)
        _serve(receiver, listener)
    except KeyboardInterrupt:
        return  # the way a sink is meant to end


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"is not to be had: {error}"
        raise Failure(
            f"--port {port}: port {port} of {host} {reason}; choose another, or 0 for any free one"
        ) from error


def _serve(receiver: Callable[..., object], listener: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        receiver,
        lifespan="off",
        http="httptools",
        ws="none",
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT_S,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
