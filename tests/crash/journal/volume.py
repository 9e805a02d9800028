"""A small disk that can be filled."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.crash.journal.server import Server

SIZE_BYTES: Final = 24 * 2**20
_STEP_BYTES: Final = 64 * 2**10


class Volume:
    """A folder on a file system of its own where this process may mount one; else an ordinary folder, whose files are
    kept from growing.
    """

    def __init__(self, folder: Path, *, is_mounted: bool) -> None:
        self.folder = folder
        self.is_mounted = is_mounted
        self._ballast = folder / "ballast"

    def fill(self, server: Server) -> None:
        """Leave no room."""
        if not self.is_mounted:
            server.limit_files(1)
            return
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(_STEP_BYTES))

    def free(self, server: Server) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)
        if server.is_running:
            server.limit_files(None)


@contextlib.contextmanager
def small_volume(folder: Path) -> Iterator[Volume]:
    """Mount it at that folder, and unmount it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and not subprocess.run(command, capture_output=True, check=False).returncode
    try:
        yield Volume(folder, is_mounted=is_mounted)
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)
