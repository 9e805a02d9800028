"""`eventing kubeconfig`: how `kubectl` and `kn` reach a server."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from eventing.cli.output import Failure

DataDirOption = Annotated[
    Path, typer.Option(envvar="EVENTING_DATA_DIR", help="The server's data folder, where its kubeconfig is.")
]
AddressOption = Annotated[str | None, typer.Option("--server", help="Another address of the same server.")]


def kubeconfig(data_dir: DataDirOption = Path("eventing-data"), server: AddressOption = None) -> None:
    """Print the kubeconfig of the server that runs, or ran last, in a data folder: address, certificate and token."""
    from eventing.kubeconfig import FILE_NAME, BadKubeconfig, read, text_of

    try:
        found = read(data_dir / FILE_NAME)
    except BadKubeconfig as error:
        raise Failure(f"{error}; `eventing serve` writes it when it starts") from error
    typer.echo(text_of(replace(found, server=server) if server else found), nl=False)
