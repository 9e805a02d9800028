"""An API for each test that asks for it, and a kubectl that asks the same server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.eventing.cli.api import Api, serving
from tests.rig.kubectl import Kubectl


@pytest.fixture
def api() -> Iterator[Api]:
    """One that holds nothing."""
    with serving() as found:
        yield found


@pytest.fixture
def kubectl_of(kubectl_programs: dict[str, Path], tmp_path: Path) -> Callable[[Api], Kubectl]:
    """The kubectl of a user of that server."""

    def make(api: Api) -> Kubectl:
        config = tmp_path / "kubeconfig"
        cluster = f"{{name: c, cluster: {{server: '{api.url}'}}}}"
        context = "{name: c, context: {cluster: c, user: '', namespace: default}}"
        config.write_text(
            f"{{apiVersion: v1, kind: Config, clusters: [{cluster}], contexts: [{context}], current-context: c}}"
        )
        return Kubectl(kubectl_programs["current"], config, tmp_path / "home")

    return make
