import os
import socket
from pathlib import Path

import pytest
import trustme

from eventing.doctor.finding import Finding
from eventing.doctor.machine import examine_machine
from eventing.settings import Settings
from tests.eventing.doctor.seen import findings, unwell, words

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
TOKEN = "0123456789abcdef"
UNTOLD = {"file-system", "disk-space", "descriptors", "fsync"}
"""What depends on the machine that tests run on."""


async def look(**given: object) -> list[Finding]:
    """At this machine, with ports that are free."""
    return await findings(examine_machine(Settings(**{"port": 0, "api_port": 0, **given})))


def private(path: Path, text: str) -> Path:
    """A file of its owner alone."""
    path.write_text(text)
    path.chmod(0o600)
    return path


async def ill(**given: object) -> dict[str, str]:
    """What is not well, whatever the machine is like."""
    return {check: verdict for check, verdict in unwell(await look(**given)).items() if check not in UNTOLD}


async def test_all_is_well_on_a_fresh_machine(tmp_path: Path) -> None:
    """Looking leaves nothing behind, and makes no folder."""
    assert {} == await ill(data_dir=tmp_path / "new" / "data")
    assert [] == list(tmp_path.iterdir())


async def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    """A file in its place, for one."""
    (tmp_path / "file").touch()
    assert {"data-folder": "failure"} == await ill(data_dir=tmp_path / "file" / "data")


async def test_a_taken_port_is_a_failure(tmp_path: Path) -> None:
    """Unless the server that works in the folder has it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert {"ingress-port": "failure"} == await ill(port=port, data_dir=tmp_path)
        assert {"api-port": "failure"} == await ill(api_port=port, data_dir=tmp_path)
        (tmp_path / "lock").write_text(f"{os.getpid()}\n")
        found = await look(port=port, data_dir=tmp_path)
        assert f"in use by process {os.getpid()}" in words(found, "data-folder")
        assert f"running (process {os.getpid()})" in words(found, "ingress-port")
        assert {} == await ill(port=port, data_dir=tmp_path)


@pytest.mark.parametrize("text", ["", "no number", "999999999"])
async def test_a_lock_of_nobody_is_none(tmp_path: Path, text: str) -> None:
    """Its file outlives the server."""
    (tmp_path / "lock").write_text(text)
    assert "in use" not in words(await look(data_dir=tmp_path), "data-folder")


async def test_an_address_of_others_is_a_failure() -> None:
    """And an API that they could reach."""
    assert {"ingress-port": "failure"} == await ill(host="203.0.113.1")
    assert {"api-port": "failure"} == await ill(api_host="0.0.0.0")


async def test_files_that_hold_secrets_are_to_be_private(tmp_path: Path) -> None:
    """Those that others may read are warnings, those of no use failures."""
    key, tokens = private(tmp_path / "key", KEY), private(tmp_path / "tokens", TOKEN)
    assert {} == await ill(secret_key_file=key, api_token_file=tokens)
    key.chmod(0o644)
    tokens.chmod(0o640)
    assert {"secret-key": "warning", "api-tokens": "warning"} == await ill(secret_key_file=key, api_token_file=tokens)
    assert {"secret-key": "failure"} == await ill(secret_key_file=private(tmp_path / "short", "AAAA"))
    assert {"api-tokens": "failure"} == await ill(api_token_file=tmp_path / "absent")


async def test_a_certificate_needs_its_own_key(tmp_path: Path) -> None:
    """Each of them is read as the server reads it."""
    own, other = trustme.CA().issue_cert("127.0.0.1"), trustme.CA().issue_cert("127.0.0.1")
    certificate, key, wrong = tmp_path / "crt", tmp_path / "key", tmp_path / "wrong"
    own.cert_chain_pems[0].write_to_path(certificate)
    own.private_key_pem.write_to_path(key)
    other.private_key_pem.write_to_path(wrong)
    assert {} == await ill(tls_cert=certificate, tls_key=key)
    assert {"api-certificate": "failure"} == await ill(tls_cert=certificate, tls_key=wrong)
