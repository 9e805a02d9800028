"""What can go wrong with a journal, and how SQLite's errors are told to those above."""

from typing import Final

import apsw

from channels.errors import ChannelFull, ChannelUnavailable


class NewerJournal(Exception):  # noqa: N818 - named for what it is
    """The operator must act: the file was written by a newer version of this program."""


_FULL: Final = (apsw.FullError, apsw.NoMemError)
"""What passes once there is room."""
DRIVER_ERRORS: Final = (apsw.Error, OSError)
"""What a commit or a read may raise for the sake of the disk. SQLError and the like are bugs, but a bug in one
statement must not lose what others were promised either."""


def translate(error: BaseException) -> ChannelFull | ChannelUnavailable:
    """The error for those above, its cause kept."""
    kind = ChannelFull if isinstance(error, _FULL) else ChannelUnavailable
    told = kind(f"the journal cannot be written: {error}")
    told.__cause__ = error
    return told
