"""A wall clock that is off for one process alone."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.crash.journal.clock import LIBRARY, WallClock

PROGRAM = "import time; print(time.time(), time.monotonic()); input(); print(time.time(), time.monotonic())"


@pytest.mark.parametrize("library", {None, LIBRARY}, ids=lambda library: "preloaded" if library else "patched")
@pytest.mark.parametrize("shift_s", [3600, -3600])
def test_the_wall_clock_jumps_and_the_monotonic_one_does_not(
    tmp_path: Path, library: Path | None, shift_s: int
) -> None:
    """While the process runs."""
    clock = WallClock(tmp_path / "clock", library=library)
    command = [sys.executable, "-u", "-c", PROGRAM]
    environment = {**os.environ, **clock.environment}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        wall_s, monotonic_s = map(float, process.stdout.readline().split())
        assert abs(wall_s - time.time()) < 60
        clock.shift(shift_s)
        out, _ = process.communicate(b"\n", timeout=20)
        later_s, grown_s = map(float, out.split())
    assert abs(later_s - wall_s - shift_s) < 60
    assert 0 <= grown_s - monotonic_s < 60
