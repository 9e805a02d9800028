"""One process per folder."""

import os
from pathlib import Path

import pytest

from channels.folder_lock import DataDirTaken, FolderLock


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


def test_files_of_a_folder_are_locked_apart(tmp_path: Path) -> None:
    """Each by the name of its lock."""
    first, second = FolderLock(tmp_path, "a.lock"), FolderLock(tmp_path, "b.lock")
    first.take()
    second.take()
    with pytest.raises(DataDirTaken):
        FolderLock(tmp_path, "a.lock").take()
    first.release()
    second.release()
