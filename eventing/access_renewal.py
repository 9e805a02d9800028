"""Certificates and tokens that are replaced while the server runs: files are read again when they change.

Source: Kubernetes' API server, which looks at its certificate files, too; what issues certificates replaces files.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dispatcher.tasks import every
from eventing.access import Access, BadTokenFile, Tokens
from eventing.settings import Settings
from eventing.tls import BadCertificate, Certificate

LOOK_INTERVAL_S: Final = 2.0
"""How often files are looked at; they are read once they were alike twice, since a certificate and its key are two."""

_log = logging.getLogger(__name__)


class AccessRenewal:
    """Of one server's access. `renewed` is called whenever something else is in force than before."""

    def __init__(
        self,
        access: Access,
        settings: Settings,
        *,
        renewed: Callable[[], None] = lambda: None,
        look_interval_s: float = LOOK_INTERVAL_S,
    ) -> None:
        self._renewed = renewed
        self._look_interval_s = look_interval_s
        self._watched: list[_Watched] = []
        cert, key, token_file = settings.tls_cert, settings.tls_key, settings.api_token_file
        if access.certificate is not None and cert is not None and key is not None:
            certificate = access.certificate
            self._watched.append(_Watched((cert, key), lambda: certificate.replace(Certificate.read(cert, key))))
        if access.tokens is not None and token_file is not None:
            tokens = access.tokens
            self._watched.append(_Watched((token_file,), lambda: tokens.replace(Tokens.read(token_file))))

    async def run(self) -> None:
        """Look at the files for ever. What is wrong with them is logged once, and what was in force stays."""
        await every(self._look_interval_s, self.look)

    def look(self) -> None:
        """Read what has changed, and stood still since the last look."""
        self._read([one for one in self._watched if one.is_due()])

    def read(self) -> None:
        """Read everything at once, as SIGHUP asks for."""
        self._read(self._watched)

    def _read(self, watched: Sequence["_Watched"]) -> None:
        in_force = [one.read() for one in watched]
        if any(in_force):
            self._renewed()


class _Watched:
    """Files that are read together."""

    def __init__(self, files: tuple[Path, ...], load: Callable[[], None]) -> None:
        self._files = files
        self._load = load
        self._seen = self._fingerprint()
        self._has_changed = False

    def is_due(self) -> bool:
        """They are not as they were read, and were alike at the last two looks."""
        found = self._fingerprint()
        has_moved, self._seen = found != self._seen, found
        self._has_changed |= has_moved
        return self._has_changed and not has_moved

    def read(self) -> bool:
        """True where what they hold is in force."""
        self._seen, self._has_changed = self._fingerprint(), False
        names = ", ".join(str(file) for file in self._files)
        try:
            self._load()
        except (BadCertificate, BadTokenFile) as error:
            _log.error("%s not read again, what was in force stays: %s", names, error)
            return False
        _log.info("%s read again", names)
        return True

    def _fingerprint(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What tells one state of the files from another; None for one that cannot be looked at."""
        return tuple(map(_stat, self._files))


def _stat(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
