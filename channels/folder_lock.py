"""One process per folder, or for one of its files: a lock that ends with the process, however it ends."""

import fcntl
import os
from pathlib import Path
from typing import Final


class DataDirTaken(Exception):  # noqa: N818 - named for what it is
    """The operator must act: another process works in that folder."""


class FolderLock:
    """An flock on a file in the folder; that file says who has it."""

    def __init__(self, folder: Path, name: str = "lock") -> None:
        self._folder: Final = folder
        self._name: Final = name
        self._file: int | None = None

    def take(self) -> None:
        """Make the folder where it is missing, and take it. Raises DataDirTaken, OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self._folder / self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(file, 32).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise DataDirTaken(f"{self._folder.resolve()} is in use by another process (pid {holder})") from error
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def release(self) -> None:
        """Give it back, where it was taken."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
