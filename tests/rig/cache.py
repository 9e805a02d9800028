"""Where what was made for the tests stays: outside the tree, for every checkout of this user."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/eventing/rig`, or the same under `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "eventing" / "rig"


def install(folder: Path, make: Callable[[Path], None]) -> None:
    """Have `make` fill a folder, unless it is there. It is there whole or not at all: it is made beside its place and
    then renamed. Of several who want it at once, one makes it and the others wait.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        make(partial)
        partial.rename(folder)
