"""`eventing trigger`: pause one, and resume it."""

from typing import Annotated
from urllib.parse import quote

import typer

from eventing.cli.output import printable
from eventing.cli.server import DEFAULT_SERVER, ServerOption, order

Name = Annotated[str, typer.Argument(metavar="NAME", help="The Trigger's name.")]
Namespace = Annotated[str, typer.Option("-n", "--namespace", help="The Trigger's namespace.")]


def pause(name: Name, namespace: Namespace = "default", server: ServerOption = DEFAULT_SERVER) -> None:
    """Send a Trigger nothing more: its events wait, others flow."""
    _set(server, namespace, name, "pause")
    typer.echo(printable(f"Trigger {namespace}/{name} is paused"), err=True)


def resume(name: Name, namespace: Namespace = "default", server: ServerOption = DEFAULT_SERVER) -> None:
    """Send a paused Trigger what waited, and what comes."""
    _set(server, namespace, name, "resume")
    typer.echo(printable(f"Trigger {namespace}/{name} is resumed"), err=True)


def _set(server: str, namespace: str, name: str, verb: str) -> None:
    order(server, f"/ops/v1/triggers/{quote(namespace, safe='')}/{quote(name, safe='')}/{verb}")
