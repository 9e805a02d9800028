"""Kubeconfigs: written for clients, and read by our own."""

import stat
from pathlib import Path

import pytest

from eventing.kubeconfig import BadKubeconfig, Connection, read, text_of, write

FULL = Connection("https://events.example:8081", "a-token", "-----BEGIN CERTIFICATE-----\nAAAA\n")


@pytest.mark.parametrize("connection", [Connection("http://127.0.0.1:8081"), FULL])
def test_what_is_written_is_read(tmp_path: Path, connection: Connection) -> None:
    file = tmp_path / "kubeconfig"
    write(file, connection)
    assert connection == read(file)


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """It holds a token. One that was there with wider rights is replaced, and so is half a file."""
    file = tmp_path / "kubeconfig"
    file.write_text("old")
    file.chmod(0o644)
    (tmp_path / ".kubeconfig.partial").write_text("half")
    write(file, FULL)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert [file] == [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "a: [", "current-context: x", text_of(FULL).replace("current-context: eventing", "current-context: x")],
)
def test_a_file_that_names_no_server_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(BadKubeconfig):
        read(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadKubeconfig, match="cannot be read"):
        read(tmp_path / "none")
