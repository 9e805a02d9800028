"""Real kubectls, an old and a current one: what they show of our server, line by line beside a real API server's."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.conftest import Start
from tests.clients.difference import SESSIONS as DIFFERENCES
from tests.clients.script_core import CORE
from tests.clients.script_reading import READING
from tests.clients.script_writing import WRITING
from tests.clients.session import Session, differences, run
from tests.e2e.process import EVENTING
from tests.rig.cluster import running_cluster
from tests.rig.kubectl import Kubectl


@dataclass(frozen=True)
class Servers:
    """The kubeconfigs of the two servers, and the kubectl that asks both."""

    real: Path
    ours: Path
    program: Path


@pytest.fixture(scope="module")
def definitions() -> str:
    """The real server serves the kinds as we define them."""
    return subprocess.run([EVENTING, "crds"], capture_output=True, text=True, check=True, timeout=20).stdout


@pytest.fixture(scope="module", params=["current", "debian"])
def servers(
    request: pytest.FixtureRequest,
    definitions: str,
    kubernetes_programs: Path,
    kubectl_programs: dict[str, Path],
    start_server: Start,
    write_kubeconfig: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Servers]:
    ours = write_kubeconfig(start_server().api_url)
    with running_cluster(kubernetes_programs, tmp_path_factory.mktemp("cluster"), definitions) as cluster:
        yield Servers(cluster.kubeconfig, ours, kubectl_programs[request.param])


@pytest.mark.parametrize("session", [*READING, *WRITING, *CORE], ids=lambda session: session.name)
def test_a_session_is_shown_alike_by_both_servers(servers: Servers, session: Session, tmp_path: Path) -> None:
    """On the real server each step ends as the script says; on ours it shows the same lines, and ends the same."""
    real, ours = (
        Kubectl(servers.program, config, tmp_path / name / "home")
        for name, config in (("real", servers.real), ("ours", servers.ours))
    )
    expected = run(session, real, tmp_path / "real")
    steps = [step for step in session.steps if step.since <= real.version]
    assert [] == [one for step, one in zip(steps, expected, strict=True) if step.exit != one.exit]
    assert "" == "\n".join(differences(session.name, expected, run(session, ours, tmp_path / "ours"), DIFFERENCES))
