"""What processes that share a database tell each other with a transaction: NOTIFY, which `listener` hears."""

from typing import Final

from sqlalchemy import Connection, text

CHANNEL: Final = "eventing_changes"
WORDS: Final = "eventing_words"
"""What processes say to each other beside it."""
WORDS_SIZE_MAX_BYTES: Final = 7999
"""PostgreSQL's bound of what one notice carries."""


def notify(connection: Connection) -> None:
    """Have every listener called once this transaction is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_notify('{CHANNEL}', '')"))


def say(connection: Connection, words: str) -> None:
    """Have every listener hear that once this transaction is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_notify(:channel, :words)"), {"channel": WORDS, "words": words})
