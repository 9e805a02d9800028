"""A private Redis Sentinel, which knows where a master is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.rig.child import Child, free_port
from tests.rig.redis import HOST, Redis

SERVICE: Final = "events"
"""What it calls the master."""


@contextmanager
def running_sentinel(program: Path, folder: Path, master: Redis, *lines: str) -> Iterator[tuple[str, Child]]:
    """Its address as a channel is told it, and itself, until the end of the block. The lines are further ones of its
    file, which rests in that folder.
    """
    port = free_port()
    own = (f"port {port}", f"bind {HOST}", f"dir {folder}", f"sentinel monitor {SERVICE} {HOST} {master.port} 1")
    configuration = folder / "sentinel.conf"
    configuration.write_text("".join([f"{line}\n" for line in (*own, *lines)]))
    sentinel = Child((str(program), str(configuration), "--sentinel"), folder / "sentinel.log")
    try:
        assert sentinel.wait_ready(lambda: f"+monitor master {SERVICE}" in sentinel.log), sentinel.log
        yield f"redis+sentinel://{HOST}:{port}/{SERVICE}", sentinel
    finally:
        sentinel.stop()
