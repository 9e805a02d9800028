"""Which revision the tables are at, and the way to another: what `migrations` holds, over one connection.

Alembic is asked only where there is a way to go: most starts find the tables as they should be.
"""

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, text

from eventing.store import model
from eventing.store.errors import SchemaNotCurrent

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

REVISION: Final = "0002"
"""What this program works with: the last of `revisions()`."""
HEAD: Final = "head"
BASE: Final = "base"
_LOCK: Final = 0x6576656E74696E67
"""PostgreSQL's advisory lock of who migrates: `eventing` in ASCII."""

_ALEMBIC_VERSION: Final = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), nullable=False, primary_key=True)
)
_ALEMBIC_VERSION.primary_key.name = "alembic_version_pkc"
"""Alembic's own table, as Alembic makes it."""


def revisions() -> tuple[str, ...]:
    """All there are, the oldest first."""
    return tuple(script.revision for script in _scripts().walk_revisions())[::-1]


def current(connection: Connection) -> str | None:
    """The revision that the tables are at; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def check(connection: Connection) -> None:
    """Raise SchemaNotCurrent where the tables are not of this program's revision."""
    found, wanted = current(connection), REVISION
    if found == wanted:
        return
    if found is not None and found not in revisions():
        raise SchemaNotCurrent(f"the database is at revision {found}, which a newer version made; this knows {wanted}")
    where = "holds no tables" if found is None else f"is at revision {found}"
    raise SchemaNotCurrent(f"the database {where}, and revision {wanted} is needed: run `eventing migrate` first")


def prepare(connection: Connection) -> None:
    """Bring a database that is this process's alone to REVISION. Raises SchemaNotCurrent for a newer one.

    An empty one gets the tables as the models say, which is what all revisions come to: Alembic's, to go that way step
    by step, would cost a first start a tenth of a second and 12 MB.
    """
    if inspect(connection).get_table_names():
        migrate(connection)
        return
    model.METADATA.create_all(connection, checkfirst=False)
    connection.execute(insert(model.REVISION).values(id=1, version=0))
    _ALEMBIC_VERSION.create(connection)
    connection.execute(insert(_ALEMBIC_VERSION).values(version_num=REVISION))


def migrate(connection: Connection, revision: str = HEAD) -> tuple[str | None, str | None]:
    """Bring the tables to a revision, up or down; return where they were and are. All or nothing, with the
    connection's transaction. Raises SchemaNotCurrent for a revision that is not known.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    before = current(connection)
    if before == REVISION and revision in (HEAD, REVISION):
        return before, before
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    known = revisions()
    if before is not None and before not in known:
        check(connection)
    places = {None: 0, BASE: 0, HEAD: len(known)} | {name: number for number, name in enumerate(known, start=1)}
    if revision not in places:
        raise SchemaNotCurrent(f"there is no revision {revision}; there are {', '.join((BASE, *known, HEAD))}")
    if places[revision] < places[before]:
        command.downgrade(config, revision)
    elif places[revision] > places[before]:
        command.upgrade(config, revision)
    return before, current(connection)


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    return config


def _scripts() -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())
