"""The moment to strike."""

import threading
from pathlib import Path

from tests.crash.journal.assassin import struck_by


def test_a_file_that_grows_is_the_moment(tmp_path: Path) -> None:
    path = tmp_path / "watched"
    path.write_bytes(b"1")
    writer = threading.Timer(0.02, lambda: path.write_bytes(b"1" * 100))
    writer.start()
    assert "growth" == struck_by(str(path), 99, 10)
    writer.join()


def test_a_file_that_is_written_is_the_moment_where_no_size_is_given(tmp_path: Path) -> None:
    path = tmp_path / "watched"
    writer = threading.Timer(0.02, lambda: path.write_bytes(b"1"))
    writer.start()
    assert "write" == struck_by(str(path), 0, 10)
    writer.join()


def test_time_is_up_at_some_point(tmp_path: Path) -> None:
    assert "time" == struck_by(str(tmp_path / "missing"), 1, 0.01)


def test_what_shrank_grows_from_there(tmp_path: Path) -> None:
    """A log that begins anew."""
    path = tmp_path / "watched"
    path.write_bytes(b"1" * 100)
    writer = threading.Timer(0.02, lambda: path.write_bytes(b"1" * 10))
    writer.start()
    assert "time" == struck_by(str(path), 50, 0.1)
    writer.join()
