"""The tables of a store in SQL. `migrations` makes them; a test holds the two together.

`objects` is the present state, `changes` the latest changes, by the version each made, `owners` who depends on whom,
and `revision` the latest version: one row, whose lock every writer holds until its commit. So versions are in the order
of commits, and without gaps. `leases` says which process does what only one may do.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData(
    naming_convention={"pk": "%(table_name)s_pkey", "fk": "%(table_name)s_%(column_0_name)s_fkey"},
)
_ORDERED: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its code points, as SQLite and Python have it, whatever the database's language is."""

REVISION: Final = Table(
    "revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="revision_is_one_row"),
)
OBJECTS: Final = Table(
    "objects",
    METADATA,
    Column("uid", Text, primary_key=True),
    Column("api_group", _ORDERED, nullable=False),
    Column("kind", _ORDERED, nullable=False),
    Column("namespace", _ORDERED, nullable=False),
    Column("name", _ORDERED, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("key_id", Text),
    UniqueConstraint("api_group", "kind", "namespace", "name", name="objects_key"),
    Index("objects_namespace", "namespace"),
)
OWNERS: Final = Table(
    "owners",
    METADATA,
    Column("owner_uid", Text, primary_key=True),
    Column("uid", Text, ForeignKey("objects.uid", ondelete="CASCADE"), primary_key=True),
    Index("owners_uid", "uid"),
)
CHANGES: Final = Table(
    "changes",
    METADATA,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("type", Text, nullable=False),
    Column("uid", Text, nullable=False),
    Column("api_group", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("key_id", Text),
)
LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
)
