"""Whom a whole server lets use its API."""

import asyncio
import os
import signal
import ssl
from pathlib import Path

import httpx2
import pytest
import trustme

from eventing.access import BadTokenFile, UnprotectedApi
from eventing.app import serve
from eventing.kubeconfig import Connection, read
from eventing.tls import BadCertificate
from tests.eventing.cli.process import run
from tests.eventing.stage import eventually
from tests.eventing.test_app import free, starting

TOKEN = "0123456789abcdef"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text(f"{TOKEN},eve\n")
    return file


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    issued = trustme.CA().issue_cert("localhost", "127.0.0.1")
    files = tmp_path / "tls.crt", tmp_path / "tls.key"
    files[0].write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    files[1].write_bytes(issued.private_key_pem.bytes())
    return files


async def test_other_machines_need_a_token_and_tls(tokens: Path, certificate: tuple[Path, Path]) -> None:
    """One of them is not enough: a token would be readable on its way, and TLS lets in everybody."""
    cert, key = certificate
    for options in ({}, {"api_token_file": tokens}, {"tls_cert": cert, "tls_key": key}):
        with pytest.raises(UnprotectedApi, match=r"--api-host 0\.0\.0\.0 .* needs --api-token-file"):
            await serve(free(api_host="0.0.0.0", **options), paths=())


async def test_a_certificate_without_its_key_is_refused(certificate: tuple[Path, Path]) -> None:
    with pytest.raises(BadCertificate, match="one needs the other"):
        await serve(free(tls_cert=certificate[0]), paths=())


async def test_a_token_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTokenFile):
        await serve(free(api_token_file=tmp_path / "none"), paths=())


async def test_with_both_it_serves_everybody_who_has_a_token(
    capsys: pytest.CaptureFixture[str], tokens: Path, certificate: tuple[Path, Path]
) -> None:
    """Encrypted, and 401 without."""
    cert, key = certificate
    options = {"api_host": "0.0.0.0", "api_token_file": tokens, "tls_cert": cert, "tls_key": key}
    async with starting(capsys, **options) as server:
        await server.wait_ready()
        assert server.api.startswith("https://")
        trust = ssl.create_default_context(cadata=cert.read_text())
        trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        url = f"https://localhost:{server.api.rpartition(':')[2]}/ops/v1/brokers"
        async with httpx2.AsyncClient(verify=trust) as client:
            assert 401 == (await client.get(url)).status_code
            assert 200 == (await client.get(url, headers={"Authorization": f"Bearer {TOKEN}"})).status_code


async def test_files_of_access_are_read_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tokens: Path, certificate: tuple[Path, Path]
) -> None:
    """SIGHUP does it at once: another token counts, another certificate is shown, the kubeconfig has both."""
    cert, key = certificate
    data, other = tmp_path / "data", "fedcba9876543210"
    async with starting(capsys, data_dir=data, api_token_file=tokens, tls_cert=cert, tls_key=key) as server:
        await server.wait_ready()
        await eventually((data / "kubeconfig").exists)
        issued = trustme.CA().issue_cert("localhost", "127.0.0.1")
        cert.write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        tokens.write_text(f"{other},adam\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: Connection(server.api, other, cert.read_text()) == read(data / "kubeconfig"))
        trust = ssl.create_default_context(cadata=cert.read_text())
        trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        async with httpx2.AsyncClient(verify=trust) as client:
            for token, code in ((TOKEN, 401), (other, 200)):
                headers = {"Authorization": f"Bearer {token}"}
                assert code == (await client.get(f"{server.api}/ops/v1/brokers", headers=headers)).status_code


async def test_on_loopback_a_page_of_another_site_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async with starting(capsys) as server:
        await server.wait_ready()
        url = f"{server.api}/ops/v1/brokers"
        codes = [
            (await server.client.get(url, headers=headers)).status_code
            for headers in ({}, {"Host": "evil.example"}, {"Origin": "https://evil.example"})
        ]
        assert [200, 403, 403] == codes


async def test_clients_find_it_by_its_kubeconfig(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tokens: Path, certificate: tuple[Path, Path]
) -> None:
    """It stands in the data folder once the doors are open; where all addresses are listened at, the certificate says
    which name to use.
    """
    cert, key = certificate
    data = tmp_path / "data"
    async with starting(capsys, data_dir=data) as server:
        await server.wait_ready()
        await eventually((data / "kubeconfig").exists)
        assert Connection(server.api) == read(data / "kubeconfig")
    options = {"api_host": "0.0.0.0", "api_token_file": tokens, "tls_cert": cert, "tls_key": key}
    async with starting(capsys, data_dir=tmp_path / "other", **options) as server:
        await server.wait_ready()
        await eventually((tmp_path / "other/kubeconfig").exists)
        url = f"https://localhost:{server.api.rpartition(':')[2]}"
        assert Connection(url, TOKEN, cert.read_text()) == read(tmp_path / "other/kubeconfig")
        ended = await asyncio.to_thread(run, "get", "ns", "-o", "name", "--server", str(tmp_path / "other/kubeconfig"))
        assert (0, "namespace/default\nnamespace/knative-eventing\n", "") == (ended.code, ended.out, ended.err)
