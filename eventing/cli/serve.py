"""`eventing serve`: the whole server in this process, or a part of it, or several processes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from eventing.cli.output import MISUSE, Failure
from eventing.collector import patient_collector

if TYPE_CHECKING:
    from eventing.settings import Settings

Manifests = Annotated[
    list[Path] | None,
    typer.Option("-f", "--filename", exists=True, help="Manifest, or folder of manifests, to apply. Repeatable."),
]
Host = Annotated[str | None, typer.Option(help="Where the ingress listens (EVENTING_HOST, 127.0.0.1).")]
Port = Annotated[int | None, typer.Option(help="The ingress' port, 0 for any free one (EVENTING_PORT, 8080).")]
ApiHost = Annotated[str | None, typer.Option(help="Where the API listens (EVENTING_API_HOST, 127.0.0.1).")]
ApiPort = Annotated[int | None, typer.Option(help="The API's port, 0 for any (EVENTING_API_PORT, 8081).")]
TokenFile = Annotated[
    Path | None, typer.Option("--api-token-file", help="File of bearer tokens, one per line: TOKEN or TOKEN,USER.")
]
TlsCert = Annotated[Path | None, typer.Option("--tls-cert", help="The API's certificate, with its chain, in PEM.")]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", help="The certificate's key, in PEM.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of everything durable (EVENTING_DATA_DIR, ./eventing-data).")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(help="Database of resources (EVENTING_DATABASE_URL, sqlite:///DATA_DIR/resources.db)."),
]
SecretKeyFile = Annotated[
    Path | None, typer.Option(help="Key that Secrets are encrypted with (EVENTING_SECRET_KEY_FILE).")
]
RoleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--role", help="What this process is for: ingress, dispatcher, controller, sources. Repeatable (EVENTING_ROLE)."
    ),
]
Workers = Annotated[
    int | None, typer.Option(help="Processes that take and deliver events, on one port (EVENTING_WORKERS, 0).")
]
HealthPort = Annotated[
    int | None, typer.Option(help="The health port of one of several processes (EVENTING_HEALTH_PORT, 8082).")
]
Watch = Annotated[bool, typer.Option("--watch", help="Apply manifests again whenever their files change.")]
Prune = Annotated[bool, typer.Option("--prune", help="Delete what manifests brought earlier and do not hold any more.")]
Ingress = Annotated[
    Literal["protocol", "asgi"] | None,
    typer.Option(help="How HTTP is read: a protocol class of our own, or an ASGI application (EVENTING_INGRESS)."),
]


def serve(
    filename: Manifests = None,
    host: Host = None,
    port: Port = None,
    api_host: ApiHost = None,
    api_port: ApiPort = None,
    api_token_file: TokenFile = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    secret_key_file: SecretKeyFile = None,
    role: RoleOption = None,
    workers: Workers = None,
    health_port: HealthPort = None,
    watch: Watch = False,
    prune: Prune = False,
    ingress: Ingress = None,
) -> None:
    """Run the server until it is asked to stop.

    Every other setting is an environment variable: EVENTING_ and its name in capitals.
    """
    options = {
        "host": host,
        "port": port,
        "api_host": api_host,
        "api_port": api_port,
        "api_token_file": api_token_file,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "data_dir": data_dir,
        "database_url": database_url,
        "secret_key_file": secret_key_file,
        "role": ",".join(role) if role else None,
        "workers": workers,
        "health_port": health_port,
        "ingress": ingress,
    }
    # From here on: to import is to make objects that stay, and a fifth of the time went into looking for garbage.
    with patient_collector():
        settings = read_settings({name: value for name, value in options.items() if value is not None})
        from eventing import logs

        logs.configure(settings.log_level, settings.log_format, process=settings.process_name or "")
        raise typer.Exit(run_server(settings, filename or [], watch=watch, prune=prune))


def read_settings(options: dict[str, Any]) -> "Settings":
    """The environment's settings, overridden by the options given. Raises Failure naming each that is out of range."""
    from pydantic import ValidationError

    from eventing.settings import Settings

    try:
        return Settings(**options)
    except ValidationError as error:
        faults = [f"{_origin(str(fault['loc'][0]), options)}: {fault['msg']}" for fault in error.errors()]
        raise Failure("\n".join(faults), code=MISUSE) from error


def run_server(settings: "Settings", paths: Sequence[Path], *, watch: bool, prune: bool = False) -> int:
    """Run the server on uvloop where there is one, and return its exit code. Raises Failure for what users mend."""
    from channels.errors import ChannelUnavailable
    from channels.journal import DataDirTaken, NewerJournal
    from eventing.access import BadTokenFile, UnprotectedApi
    from eventing.app import serve as serve_app
    from eventing.errors import StoreUnavailable
    from eventing.manifest import ManifestError
    from eventing.role import CannotSplit
    from eventing.settings import CannotListen, PortTaken
    from eventing.store.errors import UnusableStore
    from eventing.tls import BadCertificate
    from eventing.worker import WorkerRefused

    told = (
        *(ManifestError, PortTaken, CannotListen, DataDirTaken, NewerJournal, ChannelUnavailable),
        *(BadTokenFile, BadCertificate, UnprotectedApi),
        *(StoreUnavailable, UnusableStore),
    )

    if sys.platform == "win32":
        from asyncio import run
    else:
        from uvloop import run
    try:
        return int(run(serve_app(settings, paths=paths, watch=watch, prune=prune)))
    except CannotSplit as error:
        raise Failure(str(error), code=MISUSE) from error
    except WorkerRefused as error:
        raise Failure(str(error), code=error.code) from error
    except told as error:
        raise Failure(str(error)) from error


def _origin(name: str, options: dict[str, Any]) -> str:
    return f"--{name.replace('_', '-')}" if name in options else f"EVENTING_{name.upper()}"
