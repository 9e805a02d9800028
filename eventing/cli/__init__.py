"""The command line: `eventing serve`, and clients of a running server. Exit codes: 0 done, 1 refused, 2 misuse.

Data goes to stdout, prose to stderr. Heavy modules (rich, fastapi, httpx2) are imported by the command that needs them.
"""

import sys
from typing import Annotated

import typer

from eventing.cli import (
    apply,
    crds,
    deadletter,
    delete,
    describe,
    doctor,
    filter_test,
    get,
    kubeconfig,
    migrate,
    redrive,
    send,
    serve,
    sink,
    status,
    trigger,
    wait,
)
from eventing.cli.output import Failure

app = typer.Typer(
    name="eventing",
    help="Knative Eventing's API in one process: Brokers, Triggers and CloudEvents.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
filters = typer.Typer(help="Try filters without a server.", no_args_is_help=True)
dead_letters = typer.Typer(help="What failed for good: look at it, deliver it again, let it go.", no_args_is_help=True)
redrives = typer.Typer(help="How far redrives of dead letters are.", no_args_is_help=True)
triggers = typer.Typer(help="Pause Triggers, and resume them.", no_args_is_help=True)

app.command("serve")(serve.serve)
app.command("apply")(apply.apply)
app.command("get")(get.get)
app.command("describe")(describe.describe)
app.command("delete")(delete.delete)
app.command("wait")(wait.wait)
app.command("crds")(crds.crds)
app.command("kubeconfig")(kubeconfig.kubeconfig)
app.command("migrate")(migrate.migrate)
app.command("send")(send.send)
app.command("sink")(sink.sink)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
filters.command("test")(filter_test.filter_test)
dead_letters.command("list")(deadletter.list_dead_letters)
dead_letters.command("show")(deadletter.show_dead_letter)
dead_letters.command("redrive")(deadletter.redrive_dead_letters)
dead_letters.command("discard")(deadletter.discard_dead_letters)
redrives.command("list")(redrive.list_redrives)
triggers.command("pause")(trigger.pause)
triggers.command("resume")(trigger.resume)
app.add_typer(filters, name="filter")
app.add_typer(dead_letters, name="deadletters")
app.add_typer(redrives, name="redrives")
app.add_typer(triggers, name="trigger")


# A group with one command would otherwise swallow that command's name.
@filters.callback()
@redrives.callback()
def _group() -> None:
    pass


@app.command("version")
def print_version(
    short: Annotated[bool, typer.Option("--short", help="The number alone.")] = False,
) -> None:
    """Print the version, and the Python it runs on."""
    from importlib.metadata import version
    from platform import python_version

    number = version("eventing")
    typer.echo(number if short else f"eventing {number} (Python {python_version()})")


def main() -> None:
    """Run the command in `sys.argv` and exit with its code."""
    try:
        app()
    except Failure as failure:
        typer.echo(f"Error: {failure}", err=True)
        sys.exit(failure.code)
