"""The tables of the journal's file, and how a file of an older version becomes one of this.

Times are microseconds since the epoch, milliseconds where it is about dead letters. `body` columns hold framed records
(`channels.frame`). A run of the log has the key `channel << 42 | position of its first event`; `settled` tells
of runs of the log and, with the group 0, of parked ones. `channel.state` and `queue.copy` are
`channels.journal.state`. A parked run
whose queue is not in `queue`, and a run of the log whose channel is not in `channel`,
is refuse and still to be swept.
"""

from collections.abc import Sequence
from typing import Final

import apsw

from channels.journal.errors import NewerJournal

POSITION_BITS: Final = 42
PAGE_BYTES: Final = 4096

_FIRST: Final = """
CREATE TABLE clock (id INTEGER PRIMARY KEY, time INTEGER NOT NULL);
CREATE TABLE channel (id INTEGER PRIMARY KEY, state BLOB NOT NULL, copy BLOB NOT NULL);
CREATE TABLE log (
  key INTEGER PRIMARY KEY, time INTEGER NOT NULL, events INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE settled (
  member_group INTEGER NOT NULL, run INTEGER NOT NULL, size_bytes INTEGER NOT NULL, marks BLOB,
  checksum INTEGER NOT NULL, PRIMARY KEY (member_group, run)
) WITHOUT ROWID;
CREATE TABLE queue (
  id INTEGER PRIMARY KEY, member_group INTEGER NOT NULL, name TEXT NOT NULL, is_ordered INTEGER NOT NULL,
  copy BLOB NOT NULL
);
CREATE TABLE parked (
  id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, rank INTEGER NOT NULL, due INTEGER NOT NULL,
  attempts INTEGER NOT NULL, events INTEGER NOT NULL, size_bytes INTEGER NOT NULL, note BLOB NOT NULL,
  checksum INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX parked_by_rank ON parked (queue, rank, events, size_bytes);
CREATE TABLE remembered (
  channel INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (channel, name)
) WITHOUT ROWID;
CREATE TABLE damaged (
  place TEXT NOT NULL, run INTEGER NOT NULL, part INTEGER NOT NULL, time INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (place, run, part)
);
CREATE TABLE dead_letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, namespace TEXT NOT NULL, broker TEXT NOT NULL,
  trigger TEXT NOT NULL, reason TEXT NOT NULL, size_bytes INTEGER NOT NULL, redrives INTEGER NOT NULL DEFAULT 0,
  redrive_state TEXT NOT NULL DEFAULT '', redrive INTEGER NOT NULL DEFAULT 0, attempts BLOB NOT NULL, body BLOB NOT NULL
);
CREATE INDEX dead_letter_by_address ON dead_letter (namespace, broker, trigger, reason, time, size_bytes);
CREATE INDEX dead_letter_by_redrive ON dead_letter (redrive, id) WHERE redrive_state = 'pending';
CREATE TABLE redrive (
  id INTEGER PRIMARY KEY AUTOINCREMENT, selector BLOB NOT NULL, rate REAL, started INTEGER NOT NULL,
  total INTEGER NOT NULL, delivered INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0, ended INTEGER
);
"""

MIGRATIONS: Final[tuple[str, ...]] = (_FIRST,)
"""Each makes of a file of the version that is its index one of the next version. Never changed once released."""
VERSION: Final = len(MIGRATIONS)


def migrate(connection: apsw.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Make the file one of the last version, in one transaction. Raises NewerJournal, and changes nothing then."""
    found = connection.pragma("user_version")
    if found > len(migrations):
        raise NewerJournal(
            f"the journal has version {found} and this program knows versions up to {len(migrations)}: "
            "it was written by a newer one"
        )
    if found == len(migrations):
        return
    with connection:
        for migration in migrations[found:]:
            connection.execute(migration)
        connection.pragma("user_version", len(migrations))
