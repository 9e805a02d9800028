"""Kill a process the moment a file changes: a program of its own, so that it is quick. Standard library only.

`python assassin.py PID FILE BYTES TIMEOUT_S`: once the file grew by so many bytes, or, where that is 0, once it was
written at all; at the latest when the time is over. Says what made it strike.
"""

import contextlib
import os
import signal
import sys
import time

_LOOK_EVERY_S = 0.0001


def struck_by(path: str, grown_bytes: int, timeout_s: float) -> str:
    """Wait for the moment, and name it."""
    deadline = time.monotonic() + timeout_s
    first = _look(path)
    while time.monotonic() < deadline:
        size, written_ns = _look(path)
        if size < first[0]:
            first = (size, written_ns)
        if grown_bytes and size - first[0] >= grown_bytes:
            return "growth"
        if not grown_bytes and written_ns != first[1]:
            return "write"
        time.sleep(_LOOK_EVERY_S)
    return "time"


def _look(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - pathlib takes longer to import than to use
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


if __name__ == "__main__":
    victim, watched, growth, patience = sys.argv[1:]
    reason = struck_by(watched, int(growth), float(patience))
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.kill(int(victim), signal.SIGKILL)
    sys.stdout.write(reason)
