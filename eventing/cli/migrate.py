"""`eventing migrate`: the tables of resources, brought to a revision."""

from typing import Annotated

import typer

from eventing.cli.output import MISUSE, Failure
from eventing.cli.serve import DatabaseUrl, read_settings

Revision = Annotated[str, typer.Argument(help="The revision to reach: a number, `head`, or `base` for no tables.")]


def migrate(revision: Revision = "head", database_url: DatabaseUrl = None) -> None:
    """Bring the database of resources to this version's tables, and say what was done."""
    from asyncio import run

    from channels.folder_lock import DataDirTaken
    from eventing.errors import StoreUnavailable
    from eventing.store.errors import UnusableStore

    settings = read_settings({} if database_url is None else {"database_url": database_url})
    try:
        before, after = run(_migrate(settings.resources_url, revision))
    except ValueError as error:
        raise Failure(f"--database-url: {error}", code=MISUSE) from error
    except (StoreUnavailable, UnusableStore, DataDirTaken, OSError) as error:
        raise Failure(str(error)) from error
    typer.echo(f"at {_told(after)} already" if before == after else f"{_told(before)} -> {_told(after)}")


async def _migrate(url: str, revision: str) -> tuple[str | None, str | None]:
    from eventing.store import schema
    from eventing.store.database import open_database

    database = open_database(url)
    try:
        return await database.write(lambda connection: schema.migrate(connection, revision))
    finally:
        await database.close()


def _told(revision: str | None) -> str:
    return "no tables" if revision is None else f"revision {revision}"
