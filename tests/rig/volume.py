"""A small disk that servers of the tests keep their data on, and that can be filled."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_SIZE_BYTES: Final = 64 * 2**20
_STEP_BYTES: Final = 64 * 2**10
_NO_ROOM: Final = (1, resource.RLIM_INFINITY)
_ROOM: Final = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Volume:
    """A folder on a file system of its own where this process may mount one; else an ordinary folder, and the server's
    files are kept from growing.
    """

    def __init__(self, folder: Path, *, is_mounted: bool) -> None:
        self.folder: Final = folder
        self.is_mounted: Final = is_mounted
        self._ballast: Final = folder / "ballast"

    def fill(self, pid: int) -> None:
        """Leave no room to the server, which is that process."""
        if not self.is_mounted:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, _NO_ROOM)
            return
        for step_bytes in (_STEP_BYTES, 1):
            with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(step_bytes))

    def free(self, pid: int) -> None:
        """Give the room back, if it is not there. The process may have ended."""
        if self.is_mounted:
            self._ballast.unlink(missing_ok=True)
        else:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, _ROOM)


@contextlib.contextmanager
def small_volume(folder: Path, *, size_bytes: int = _SIZE_BYTES) -> Iterator[Volume]:
    """Mount it at that folder, and unmount it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and not subprocess.run(command, capture_output=True, check=False).returncode
    try:
        yield Volume(folder, is_mounted=is_mounted)
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)
