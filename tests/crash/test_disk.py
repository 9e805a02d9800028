"""What a disk without power keeps."""

import os
from pathlib import Path

import pytest

from tests.crash.disk import disk, may_mount

pytestmark = pytest.mark.skipif(not may_mount(), reason="only root may mount")


def test_what_was_flushed_outlives_a_cut_and_nothing_else_does(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 32 * 2**20) as made:
        with (made.folder / "file").open("w") as file:
            file.write("flushed")
            file.flush()
            os.fsync(file.fileno())
            file.write(", and not flushed")
        (made.folder / "other").write_text("not flushed")
        made.cut()
        made.unmount()
        made.mount()
        assert "flushed" == (made.folder / "file").read_text()
        assert not (made.folder / "other").exists()


def test_a_disk_is_full_until_it_is_freed(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 32 * 2**20) as made:
        made.fill()
        with pytest.raises(OSError, match="No space"):
            (made.folder / "file").write_bytes(bytes(2**20))
        made.free()
        (made.folder / "file").write_bytes(bytes(2**20))
