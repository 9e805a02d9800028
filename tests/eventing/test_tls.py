"""Certificates of doors, read before anything starts."""

import asyncio
import ssl
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


async def test_who_connects_is_shown_the_certificate_of_that_moment(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Connections that there are go on; a client that names no server is shown it, too."""
    door = Certificate.read(*files)
    cas = trustme.CA(), trustme.CA()
    others = []
    for number, ca in enumerate(cas):
        cert, key = tmp_path / f"{number}.crt", tmp_path / f"{number}.key"
        issued = ca.issue_cert("127.0.0.1")
        cert.write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        others.append(Certificate.read(cert, key))
    trusts = [ssl.create_default_context() for _ in cas]
    for ca, trust in zip(cas, trusts, strict=True):
        ca.configure_trust(trust)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0, ssl=door.context) as server:
        port = server.sockets[0].getsockname()[1]
        connections = []
        for other, trust in zip(others, trusts, strict=True):
            door.replace(other)
            connections.append(await asyncio.open_connection("127.0.0.1", port, ssl=trust))
        assert (others[1].chain, ("127.0.0.1",)) == (door.chain, door.hosts)
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=trusts[0])
        for reader, writer in connections:
            writer.write(b"still here\n")
            assert b"still here\n" == await reader.readline()
            writer.close()
            await writer.wait_closed()
