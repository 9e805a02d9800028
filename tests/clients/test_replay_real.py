"""The replay against a real API server: what was recorded from one is found again on another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.definition import small_definitions
from tests.clients.recording import Command, read_session
from tests.clients.replay import Replay
from tests.rig.cluster import Cluster, running_cluster
from tests.rig.fixture import miss

RECORDING = Path(__file__).parents[3] / "shared" / "conformance" / "wire" / "kn"


@pytest.fixture
def server(kubernetes_programs: Path, tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(kubernetes_programs, tmp_path, small_definitions()) as cluster:
        yield cluster


@pytest.fixture
def session() -> list[Command]:
    if not RECORDING.is_dir():
        miss("The recording of kn", "it is kept beside the project")
    return read_session(RECORDING)


def test_a_session_of_kn_is_answered_alike_by_another_real_server(session: list[Command], server: Cluster) -> None:
    """58 commands, with watches and waits, and no difference: what the replay finds elsewhere is none of its own."""
    with server.client() as client:
        replay = Replay(client, is_defaulted=True)
        replay.prepare(session)
        assert [] == [str(found) for found in replay.run(session)]
