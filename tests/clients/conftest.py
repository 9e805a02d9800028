"""A real `eventing serve` for the clients, as its users start it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.e2e.process import Server, running

Start = Callable[[], Server]


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts servers that hold nothing; they end with the module's tests."""
    with ExitStack() as stack:

        def start() -> Server:
            folder = tmp_path_factory.mktemp("server")
            manifest = folder / "nothing.yaml"
            manifest.write_text("{apiVersion: v1, kind: List, items: []}\n")
            server = Server(folder, manifest)
            stack.enter_context(running(server))
            return server

        yield start


@pytest.fixture(scope="module")
def write_kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes the kubeconfig of a server on loopback, which asks for no token."""

    def write(url: str) -> Path:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "", "namespace": "default"}}],
            "current-context": "c",
        }
        path = tmp_path_factory.mktemp("kubeconfig") / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    return write
