"""A private Redis server: Debian's program, a data folder and a port of its own."""

import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import redis
import trustme

from tests.rig.child import START_MAX_S, Child, free_port

HOST: Final = "127.0.0.1"
ADMINISTRATOR: Final = "admin"
ADMINISTRATOR_PASSWORD: Final = "rig"
"""The user that the rig itself asks as, whatever others may do."""
Fsync = Literal["always", "everysec", "no", "none"]
"""Redis' `appendfsync`; `none` is a server that writes nothing to its disk."""


def redis_program() -> Path | None:
    """Where it is installed."""
    found = shutil.which("redis-server")
    return None if found is None else Path(found)


class Redis:
    """One server, started and ended any number of times; its address and data stay.

    `users` are lines of an ACL file without the word `user`, such as `eventing on >secret ~* &* +@all`; `password` is
    that of the user `default`. `options` are further words for the command line.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        fsync: Fsync = "always",
        size_max_bytes: int | None = None,
        password: str | None = None,
        users: Sequence[str] = (),
        has_tls: bool = False,
        wants_certificate: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        self.port: Final = free_port()
        self.folder: Final = folder
        self.password: Final = password
        self.has_tls: Final = has_tls
        self.ca: Final = folder / "ca.pem"
        """The certificate authority to trust, where there is TLS."""
        self.authority: Final = trustme.CA()
        """The same: whose certificates it takes of its clients where it `wants_certificate`."""
        self._key, self._chain = folder / "server.key", folder / "server.pem"
        self._command: Final = [
            str(program), "--bind", HOST, "--dir", str(folder), "--save", "", "--loglevel", "notice",
            *(("--port", "0", "--tls-port", str(self.port)) if has_tls else ("--port", str(self.port))),
            *(("--appendonly", "no") if fsync == "none" else ("--appendonly", "yes", "--appendfsync", fsync)),
            *(() if size_max_bytes is None else ("--maxmemory", str(size_max_bytes))),
            *(self._secure(wants_certificate=wants_certificate) if has_tls else ()),
            "--aclfile", str(self._write_users(users)), *options,
        ]  # fmt: skip
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """As redis-py takes it, with the password of the user `default`."""
        return self.url_at(self.port)

    def url_at(self, port: int, user: str = "", password: str | None = None) -> str:
        """The same at another port, such as a proxy's, or as another user."""
        secret = self.password if password is None else password
        who = f"{user}:{secret}@" if secret is not None else ""
        return f"{'rediss' if self.has_tls else 'redis'}://{who}{HOST}:{port}/0"

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._child is not None and self._child.is_running

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        return self._running.pid

    def start(self) -> None:
        """Return when it answers, its data loaded."""
        self._child = Child(self._command, self.folder / "log", outlives_limits=True)
        assert self._child.wait_ready(self._is_ready), self._child.log

    def stop(self) -> None:
        """An ordinary end."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """SIGKILL: what was written stays."""
        self._running.kill()

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing answers."""
        self._running.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._running.signal(signal.SIGCONT)

    def call(self, *words: str | bytes | int) -> Any:
        """The answer to one command of the administrator; text is decoded."""
        with self._client() as client:
            return client.execute_command(*words)

    def _client(self) -> redis.Redis:
        return redis.Redis(
            host=HOST, port=self.port, username=ADMINISTRATOR, password=ADMINISTRATOR_PASSWORD, decode_responses=True,
            socket_timeout=START_MAX_S, **(self._own_tls() if self.has_tls else {}),
        )  # fmt: skip

    def _is_ready(self) -> bool:
        try:
            return bool(self.call("PING"))
        except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
            return False

    @property
    def _running(self) -> Child:
        assert self._child is not None, "it was started"
        return self._child

    def _write_users(self, users: Sequence[str]) -> Path:
        secret = "nopass" if self.password is None else f">{self.password}"
        lines = [
            f"default on {secret} ~* &* +@all",
            f"{ADMINISTRATOR} on >{ADMINISTRATOR_PASSWORD} ~* &* +@all",
            *users,
        ]
        path = self.folder / "users.acl"
        path.write_text("".join([f"user {line}\n" for line in lines]))
        return path

    def _own_tls(self) -> dict[str, Any]:
        """The rig shows the server's own certificate."""
        return {
            "ssl": True, "ssl_ca_certs": str(self.ca), "ssl_keyfile": str(self._key), "ssl_certfile": str(self._chain),
        }  # fmt: skip

    def _secure(self, *, wants_certificate: bool) -> Sequence[str]:
        certificate = self.authority.issue_cert(HOST, "localhost")
        self.authority.cert_pem.write_to_path(self.ca)
        certificate.private_key_pem.write_to_path(self._key)
        for index, part in enumerate(certificate.cert_chain_pems):
            part.write_to_path(self._chain, append=bool(index))
        files = (
            "--tls-cert-file", str(self._chain), "--tls-key-file", str(self._key), "--tls-ca-cert-file", str(self.ca),
        )  # fmt: skip
        return (*files, "--tls-auth-clients", "yes" if wants_certificate else "no")


@contextmanager
def running_redis(program: Path, *, folder: Path | None = None, **options: Any) -> Iterator[Redis]:
    """A server that runs until the end of the block, with the options of `Redis`; its folder is removed then, unless it
    was given one.
    """
    with tempfile.TemporaryDirectory(prefix="eventing-redis-") as own:
        server = Redis(program, folder or Path(own), **options)
        try:
            server.start()
            yield server
        finally:
            server.stop()
