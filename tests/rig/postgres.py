"""A private PostgreSQL server: Debian's programs, a data folder and a port of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.e2e.process import wait_until
from tests.rig.child import START_MAX_S, Child, free_port

SUPERUSER: Final = "postgres"
_ENDED: Final = signal.SIGINT
"""PostgreSQL's fast shutdown: sessions are ended, data is written."""


def postgres_programs() -> Path | None:
    """The folder of the newest version installed, as Debian lays them out."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in found), key=lambda folder: int(folder.parent.name), default=None)


class Postgres:
    """One server, started and ended any number of times; its address and data stay."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        # PostgreSQL refuses to run as root: then it runs as the user that Debian made for it.
        self._user = SUPERUSER if os.geteuid() == 0 else None
        self.port = free_port()
        self._child: Child | None = None

    def initialise(self) -> None:
        """Make the data folder. Everybody who connects from this machine is trusted."""
        if self._user is not None:
            self._folder.chmod(0o711)
        home = self._folder / "home"
        home.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(home, self._user, self._user)
        command = ("--pgdata", str(home / "data"), "--auth", "trust", "--username", SUPERUSER, "--no-sync")
        self._call("initdb", *command)

    def start(self) -> None:
        """Return when it answers. After a kill the lock file that was left behind may refuse the first attempts."""
        wait_until(self._start_once, "PostgreSQL starts", START_MAX_S)

    def stop(self) -> None:
        """An ordinary end."""
        if self._child is not None:
            self._child.stop(_ENDED)

    def kill(self) -> None:
        """SIGKILL to the postmaster: its sessions end with it, its lock file stays."""
        assert self._child is not None, "it was started"
        self._child.kill()

    def database(self, name: str) -> str:
        """The SQLAlchemy URL of an empty database of that name. What it held is dropped, with its sessions."""
        self._call("dropdb", *self._address, "--if-exists", "--force", name)
        self._call("createdb", *self._address, name)
        return f"postgresql+asyncpg://{SUPERUSER}@127.0.0.1:{self.port}/{name}"

    def query(self, database: str, statement: str) -> str:
        """What `psql` prints for a statement: rows on lines, without a heading."""
        options = ("--no-psqlrc", "--tuples-only", "--no-align", "--command", statement)
        return self._call("psql", *self._address, *options, database).strip()

    def _start_once(self) -> bool:
        # No fsync: tests end processes, and what a process has written outlives it.
        options = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
        command = (str(self._programs / "postgres"), "-D", str(self._folder / "home" / "data"), "-p", str(self.port))
        self._child = Child((*command, *options), self._folder / "log", user=self._user)
        return self._child.wait_ready(self._is_ready)

    def _is_ready(self) -> bool:
        command = [str(self._programs / "pg_isready"), "--quiet", *self._address]
        return subprocess.run(command, check=False).returncode == 0

    @property
    def _address(self) -> tuple[str, ...]:
        return ("--host=127.0.0.1", f"--port={self.port}", f"--username={SUPERUSER}")

    def _call(self, program: str, *arguments: str) -> str:
        ended = subprocess.run(
            [str(self._programs / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            cwd=self._folder,
        )
        assert not ended.returncode, f"{program}: {ended.stderr}"
        return ended.stdout


@contextmanager
def running_postgres(programs: Path) -> Iterator[Postgres]:
    """A server that runs until the end of the block; its folder is removed then."""
    with tempfile.TemporaryDirectory(prefix="eventing-postgres-") as folder:
        server = Postgres(programs, Path(folder))
        server.initialise()
        try:
            server.start()
            yield server
        finally:
            server.stop()
