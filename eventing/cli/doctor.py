"""`eventing doctor`: a configuration against the servers it names, before `serve` meets them."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from eventing.cli.output import REFUSED, OutputOption, emit, new_table, printable
from eventing.cli.resource import Api, UnknownResource, opened
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
    from eventing.resources.identity import Object
    from eventing.settings import Settings

Manifests = Annotated[
    list[Path] | None,
    typer.Option("-f", "--filename", exists=True, help="Manifest, or folder of manifests, to look at. Repeatable."),
]
Server = Annotated[
    str | None, typer.Option("--server", help="Look at what a server has stored: its address, or a kubeconfig.")
]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, max=60.0, help="Seconds that one answer may take.")]

_KINDS: Final = (
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("eventing.knative.dev/v1", "Broker"),
    ("messaging.knative.dev/v1", "Channel"),
    ("messaging.knative.dev/v1beta1", "KafkaChannel"),
    ("messaging.knative.dev/v1alpha1", "RedisStreamChannel"),
)
"""What names servers, and what these name."""


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
    server: Server = None,
    timeout: Timeout = 5.0,
    output: OutputOption = "table",
) -> None:
    """Look at what a server with these settings would meet, and say what to do. It changes nothing."""
    if filename and server is not None:
        raise typer.BadParameter("-f and --server: look at files, or at what a server has stored")
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
    found = _examine(settings, filename or [], server, timeout)
    emit([one.as_json() for one in found], output, lambda: [_tables(found)])
    if any(one.has_failed for one in found):
        raise typer.Exit(REFUSED)


def _examine(
    settings: "Settings", paths: Sequence[Path], server: str | None, timeout_s: float
) -> "Sequence[Diagnosis]":
    from asyncio import run

    from eventing.doctor.examination import examine
    from eventing.doctor.inventory import Inventory
    from eventing.doctor.subject import subjects

    inventory = Inventory.of_files(paths) if paths else None
    if server is not None:
        inventory = Inventory(_stored(server))
    # What a library would log is in what was found.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return run(examine(subjects(settings, inventory, timeout_s=timeout_s), timeout_s=timeout_s))


def _stored(server: str) -> "list[Object]":
    """What a server has of these kinds; a cluster need not know all of them. Raises Failure."""
    with opened(server) as api:
        return [item for api_version, kind in _KINDS for item in _listed(api, api_version, kind)]


def _listed(api: Api, api_version: str, kind: str) -> "Iterator[Object]":
    # Lists of Kubernetes leave out of their items what is the same for all of them.
    shared = {"apiVersion": api_version, "kind": kind}
    try:
        resource = api.of(shared)
    except UnknownResource:
        return
    yield from ({**shared, **item} for item in api.request("GET", resource.path(None))["items"])


def _tables(found: "Sequence[Diagnosis]") -> "Group":
    from rich.console import Group

    return Group(*(part for one in found for part in _table(one)))


def _table(diagnosis: "Diagnosis") -> "Sequence[RenderableType]":
    from rich.text import Text

    rows = [(one.check, one.verdict, one.words, one.advice) for one in diagnosis.findings]
    title = Text(printable(diagnosis.subject), style="bold")
    return (title, new_table(("check", "verdict", "found", "what to do"), rows), "")
