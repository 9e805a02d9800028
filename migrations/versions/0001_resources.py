"""Objects, their owners, their latest changes, and the version of the whole."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """An empty store, at version 0."""
    table = op.create_table(
        "revision",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="revision_pkey"),
        sa.CheckConstraint("id = 1", name="revision_is_one_row"),
    )
    op.bulk_insert(table, [{"id": 1, "version": 0}])
    op.create_table(
        "objects",
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("api_group", _ORDERED, nullable=False),
        sa.Column("kind", _ORDERED, nullable=False),
        sa.Column("namespace", _ORDERED, nullable=False),
        sa.Column("name", _ORDERED, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.PrimaryKeyConstraint("uid", name="objects_pkey"),
        sa.UniqueConstraint("api_group", "kind", "namespace", "name", name="objects_key"),
    )
    op.create_index("objects_namespace", "objects", ["namespace"])
    op.create_table(
        "owners",
        sa.Column("owner_uid", sa.Text, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("owner_uid", "uid", name="owners_pkey"),
        sa.ForeignKeyConstraint(["uid"], ["objects.uid"], ondelete="CASCADE", name="owners_uid_fkey"),
    )
    op.create_index("owners_uid", "owners", ["uid"])
    op.create_table(
        "changes",
        sa.Column("version", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("api_group", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.PrimaryKeyConstraint("version", name="changes_pkey"),
    )


def downgrade() -> None:
    """Nothing is left."""
    for name in ("changes", "owners", "objects", "revision"):
        op.drop_table(name)
