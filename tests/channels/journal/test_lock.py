"""One process per folder."""

import os
from pathlib import Path

import pytest

from channels.journal.errors import DataDirTaken
from channels.journal.lock import FolderLock


def test_who_comes_second_is_told_who_was_first(tmp_path: Path) -> None:
    """With the folder and the process; when the first lets go, the second may try again."""
    folder = tmp_path / "new" / "data"
    first, second = FolderLock(folder), FolderLock(folder)
    first.take()
    with pytest.raises(DataDirTaken, match=rf"{folder} is in use by another process \(pid {os.getpid()}\)"):
        second.take()
    first.release()
    second.take()
    second.release()
    second.release()
