from pathlib import Path

import yaml

from eventing.kubeconfig import FILE_NAME, Connection, write
from tests.eventing.cli.api import Api
from tests.eventing.cli.process import run


def test_it_is_printed_as_the_server_wrote_it(tmp_path: Path) -> None:
    """From the data folder, by option or variable."""
    write(tmp_path / FILE_NAME, Connection("https://127.0.0.1:8081", "token", "CERTIFICATE"))
    ended = run("kubeconfig", "--data-dir", str(tmp_path))
    assert (0, (tmp_path / FILE_NAME).read_text(), "") == (ended.code, ended.out, ended.err)
    assert ended == run("kubeconfig", EVENTING_DATA_DIR=str(tmp_path))


def test_another_address_of_the_server_replaces_its_own_and_nothing_else(tmp_path: Path) -> None:
    """For other machines."""
    write(tmp_path / FILE_NAME, Connection("https://127.0.0.1:8081", "token"))
    own, other = (
        yaml.safe_load(run("kubeconfig", "--data-dir", str(tmp_path), *options).out)
        for options in ((), ("--server", "https://far.example"))
    )
    assert "https://far.example" == other["clusters"][0]["cluster"].pop("server")
    assert "https://127.0.0.1:8081" == own["clusters"][0]["cluster"].pop("server")
    assert own == other


def test_commands_take_it_for_a_server(tmp_path: Path, api: Api) -> None:
    """Its path stands for the address, the token and the certificate."""
    write(tmp_path / FILE_NAME, Connection(api.url, "token"))
    assert 0 == run("get", "namespaces", "--server", str(tmp_path / FILE_NAME)).code


def test_without_one_it_says_who_writes_it(tmp_path: Path) -> None:
    ended = run("kubeconfig", "--data-dir", str(tmp_path))
    assert (1, "") == (ended.code, ended.out)
    assert "`eventing serve` writes it when it starts" in ended.err
