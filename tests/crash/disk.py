"""A disk of its own, in a file: it can be filled, and its power can be cut. ext4, mounted by root alone."""

import contextlib
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_EXT4_IOC_SHUTDOWN: Final = 0x8004587D
"""fs/ext4/ext4.h: `_IOR('X', 125, __u32)`."""
_WITHOUT_LOG_FLUSH: Final = 2
"""Nothing is written any more, not even what the log of the file system has in memory: as without power."""
_STEP_BYTES: Final = 64 * 2**10


class Disk:
    """Mounted at `folder`."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.folder = folder
        self._image = image
        self._ballast = folder / "ballast"

    def mount(self) -> None:
        """Raises CalledProcessError where it cannot be."""
        _call("mount", "-o", "loop", str(self._image), str(self.folder))

    def unmount(self) -> None:
        """Raises CalledProcessError while somebody has a file open there."""
        _call("umount", str(self.folder))

    def fill(self) -> None:
        """Leave no room."""
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(_STEP_BYTES))

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    def flush(self) -> None:
        """All that was written so far is there to stay."""
        _call("sync", "--file-system", str(self.folder))

    def cut(self) -> None:
        """No power any more: what was not flushed is gone. Whoever writes fails until it was mounted anew."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _EXT4_IOC_SHUTDOWN, struct.pack("I", _WITHOUT_LOG_FLUSH))
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def disk(folder: Path, size_bytes: int) -> Iterator[Disk]:
    """Make it, mount it at that folder, and unmount it at the end."""
    folder.mkdir(parents=True)
    image = folder.with_name(f"{folder.name}.img")
    with image.open("wb") as file:
        file.truncate(size_bytes)
    _call("mkfs.ext4", "-q", "-m", "0", str(image))
    made = Disk(image, folder)
    made.mount()
    try:
        yield made
    finally:
        made.unmount()
        image.unlink()


def may_mount() -> bool:
    """Whether this process can have disks of its own."""
    return os.geteuid() == 0 and Path("/dev/loop-control").exists()


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
