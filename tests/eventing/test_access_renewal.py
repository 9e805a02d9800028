"""Files of certificates and tokens that change under a server."""

import logging
import os
from itertools import count
from pathlib import Path

import pytest
import trustme

from eventing.access import Access
from eventing.access_renewal import AccessRenewal
from eventing.settings import Settings
from eventing.tls import Certificate

OLD, NEW = "0123456789abcdef", "fedcba9876543210"
_times = count(1)


def write(file: Path, content: bytes) -> None:
    """With another time than before, however fast tests are."""
    file.write_bytes(content)
    os.utime(file, (1, next(_times)))


def issue(folder: Path) -> None:
    """Another certificate with its key."""
    issued = trustme.CA().issue_cert("localhost")
    write(folder / "tls.crt", b"".join(one.bytes() for one in issued.cert_chain_pems))
    write(folder / "tls.key", issued.private_key_pem.bytes())


class Files:
    """Those of one server, and what is in force."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tokens = folder, folder / "tokens"
        write(self.tokens, OLD.encode())
        issue(folder)
        cert, key = folder / "tls.crt", folder / "tls.key"
        settings = Settings(api_token_file=self.tokens, tls_cert=cert, tls_key=key)
        self.access = Access.of(settings)
        self.renewed = 0
        self.renewal = AccessRenewal(self.access, settings, renewed=self._count)

    @property
    def certificate(self) -> Certificate:
        assert self.access.certificate is not None
        return self.access.certificate

    @property
    def chain(self) -> str:
        """What the file says."""
        return (self.folder / "tls.crt").read_text()

    def knows(self, token: str) -> bool:
        assert self.access.tokens is not None
        return self.access.tokens.user_of(token.encode()) is not None

    def look(self, times: int = 2) -> None:
        for _ in range(times):
            self.renewal.look()

    def _count(self) -> None:
        self.renewed += 1


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_what_changed_counts_once_it_stands_still(files: Files) -> None:
    """The second look that finds it alike reads it: a certificate and its key are not written at once."""
    issue(files.folder)
    write(files.tokens, NEW.encode())
    files.look(1)
    assert (False, True) == (files.chain == files.certificate.chain, files.knows(OLD))
    files.look(1)
    assert (True, False, True) == (files.chain == files.certificate.chain, files.knows(OLD), files.knows(NEW))
    assert 1 == files.renewed
    files.look(3)
    assert 1 == files.renewed


def test_files_that_are_asked_for_are_read_at_once(files: Files) -> None:
    """As SIGHUP does."""
    write(files.tokens, NEW.encode())
    files.renewal.read()
    assert (False, True, 1) == (files.knows(OLD), files.knows(NEW), files.renewed)


def test_a_broken_file_changes_nothing_and_is_told_once(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    """Neither does one that is gone; the other files count all the same, and so does the file once it is mended."""
    before = files.certificate.chain
    write(files.folder / "tls.crt", b"nonsense")
    write(files.tokens, NEW.encode())
    files.look(5)
    assert (before, True) == (files.certificate.chain, files.knows(NEW))
    files.tokens.unlink()
    files.look(5)
    assert files.knows(NEW)
    assert ["tls.crt", "tokens"] == [
        Path(str(one.args[0]).partition(",")[0]).name
        for one in caplog.records
        if one.levelno == logging.ERROR and isinstance(one.args, tuple)
    ]
    issue(files.folder)
    write(files.tokens, OLD.encode())
    files.look()
    assert (files.chain, True) == (files.certificate.chain, files.knows(OLD))


def test_without_files_nothing_is_looked_at() -> None:
    """A server on loopback has none."""
    renewal = AccessRenewal(Access.of(Settings()), Settings())
    renewal.look()
    renewal.read()
