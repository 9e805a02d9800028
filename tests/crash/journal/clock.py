"""A wall clock that can be put wrong while a process runs by it. What only grows, the monotonic clock, stays right."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

LIBRARY: Final = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
"""Of libfaketime, where Debian puts it."""
_PATCH: Final = '''"""Python's wall clock plus the seconds that a file says."""

import os
import time

_time, _path = time.time, os.environ["WRONG_CLOCK"]


def _wrong_time():
    with open(_path) as file:
        return _time() + float(file.read())


time.time = _wrong_time
time.time_ns = lambda: int(_wrong_time() * 1e9)
'''


class WallClock:
    """By libfaketime where it is installed, which every program believes; else by a patch that Python believes.

    `environment` makes a process go by it; it is right until it is shifted.
    """

    def __init__(self, folder: Path, *, library: Path | None = LIBRARY) -> None:
        folder.mkdir(exist_ok=True)
        self._offset = folder / "offset"
        self._library = library
        (folder / "sitecustomize.py").write_text(_PATCH)
        self._folder = folder
        self.shift(0)

    @property
    def environment(self) -> Mapping[str, str]:
        if self._library is None:
            return {"PYTHONPATH": str(self._folder), "WRONG_CLOCK": str(self._offset)}
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def shift(self, seconds: int) -> None:
        """From now on it is off by that."""
        draft = self._offset.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}")
        draft.rename(self._offset)
