"""Certificates of doors, read before anything starts."""

from pathlib import Path

import pytest
import trustme

from eventing.tls import BadCertificate, Certificate


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    issued = trustme.CA().issue_cert("events.example", "127.0.0.1")
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return certificate, key


def test_it_says_whom_it_is_for(files: tuple[Path, Path]) -> None:
    """A kubeconfig needs a name that clients find in it, and the chain that they are to trust."""
    found = Certificate.read(*files)
    assert ("events.example", "127.0.0.1") == found.hosts
    assert files[0].read_text() == found.chain


def test_a_key_of_another_certificate_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    other.write_bytes(trustme.CA().issue_cert("events.example").private_key_pem.bytes())
    with pytest.raises(BadCertificate, match=r"other\.key: no certificate with its key"):
        Certificate.read(files[0], other)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff"])
def test_what_is_no_certificate_is_refused(files: tuple[Path, Path], content: bytes) -> None:
    files[0].write_bytes(content)
    with pytest.raises(BadCertificate):
        Certificate.read(*files)


def test_a_file_that_is_not_there_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match="No such file"):
        Certificate.read(tmp_path / "none", files[1])
