"""`eventing doctor`: a configuration against the servers it names, before `serve` meets them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eventing.cli.output import REFUSED, OutputOption, emit, new_table, printable
from eventing.cli.serve import (
    ApiHost,
    ApiPort,
    DatabaseUrl,
    DataDir,
    Host,
    Port,
    SecretKeyFile,
    TlsCert,
    TlsKey,
    TokenFile,
    read_settings,
)

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from eventing.doctor.finding import Diagnosis

Manifests = Annotated[
    list[Path] | None,
    typer.Option("-f", "--filename", exists=True, help="Manifest, or folder of manifests, to look at. Repeatable."),
]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, max=60.0, help="Seconds that one answer may take.")]


def doctor(
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
    timeout: Timeout = 5.0,
    output: OutputOption = "table",
) -> None:
    """Look at what a server with these settings would meet, and say what to do. It changes nothing."""
    from asyncio import run

    from eventing.doctor.examination import examine
    from eventing.doctor.subject import subjects

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
    }
    settings = read_settings({name: value for name, value in options.items() if value is not None})
    found = run(examine(subjects(settings, filename or [], timeout_s=timeout), timeout_s=timeout))
    emit([one.as_json() for one in found], output, lambda: [_tables(found)])
    if any(one.has_failed for one in found):
        raise typer.Exit(REFUSED)


def _tables(found: "Sequence[Diagnosis]") -> "Group":
    from rich.console import Group

    return Group(*(part for one in found for part in _table(one)))


def _table(diagnosis: "Diagnosis") -> "Sequence[RenderableType]":
    from rich.text import Text

    rows = [(one.check, one.verdict, one.words, one.advice) for one in diagnosis.findings]
    title = Text(printable(diagnosis.subject), style="bold")
    return (title, new_table(("check", "verdict", "found", "what to do"), rows), "")
