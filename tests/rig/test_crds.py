"""Our kinds in a real Kubernetes API server."""

from collections.abc import Iterator

import httpx2
import pytest
import yaml
from typer.testing import CliRunner

from eventing.cli import app
from eventing.resources.catalogue import KINDS
from eventing.resources.crd import crd_of
from eventing.resources.kind import Kind
from tests.rig.cluster import CRDS, Cluster

DEFINED = [kind for kind in KINDS if kind.group]


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[httpx2.Client]:
    text = CliRunner().invoke(app, ["crds"]).stdout
    cluster.install(text)
    with cluster.client() as client:
        yield client
        for item in yaml.safe_load_all(text):
            client.delete(f"{CRDS}/{item['metadata']['name']}").raise_for_status()


@pytest.mark.parametrize("kind", DEFINED, ids=lambda kind: kind.name)
def test_an_api_server_takes_a_definition_as_it_is(client: httpx2.Client, kind: Kind) -> None:
    """Its names are accepted, its schemas are structural, and nothing that was sent is left away."""
    shown = client.get(f"{CRDS}/{kind.resource}").json()
    conditions = {one["type"]: one["status"] for one in shown["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    expected = crd_of(kind)
    assert expected["spec"]["names"] == shown["spec"]["names"]
    assert expected["spec"]["versions"] == shown["spec"]["versions"]
    assert expected["metadata"]["labels"] == shown["metadata"]["labels"]
