from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.e2e.process import wait_until
from tests.rig.child import START_MAX_S
from tests.rig.cluster import CRDS, Cluster
from tests.rig.kubectl import Kubectl

THINGS = "/apis/rig.test/v1/namespaces/default/things"


def definition() -> str:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    spec = {
        "group": "rig.test",
        "names": {"kind": "Thing", "plural": "things"},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
    }
    item = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return yaml.safe_dump({**item, "metadata": {"name": "things.rig.test"}, "spec": spec})


def thing(name: str, **metadata: object) -> dict[str, object]:
    return {"apiVersion": "rig.test/v1", "kind": "Thing", "metadata": {"name": name, **metadata}}


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[httpx2.Client]:
    cluster.install(definition())
    with cluster.client() as client:
        yield client
        client.delete(f"{CRDS}/things.rig.test").raise_for_status()


def test_a_definition_that_is_installed_is_served(client: httpx2.Client) -> None:
    """The first request after the installation finds its kind."""
    assert 201 == client.post(THINGS, json=thing("one")).status_code
    assert "one" == client.get(f"{THINGS}/one").json()["metadata"]["name"]


def test_what_is_owned_goes_with_its_owner(client: httpx2.Client) -> None:
    """The garbage collector runs."""
    owner = client.post(THINGS, json=thing("owner")).json()["metadata"]["uid"]
    reference = {"apiVersion": "rig.test/v1", "kind": "Thing", "name": "owner", "uid": owner}
    client.post(THINGS, json=thing("owned", ownerReferences=[reference])).raise_for_status()
    client.delete(f"{THINGS}/owner").raise_for_status()
    wait_until(lambda: client.get(f"{THINGS}/owned").status_code == 404, "the owned one is collected", START_MAX_S)


def test_a_namespace_that_is_deleted_goes(client: httpx2.Client) -> None:
    """The namespace controller runs."""
    namespaces = "/api/v1/namespaces"
    client.post(namespaces, json={"metadata": {"name": "short"}}).raise_for_status()
    client.delete(f"{namespaces}/short").raise_for_status()
    wait_until(lambda: client.get(f"{namespaces}/short").status_code == 404, "the namespace is gone")


def test_no_token_no_entry(cluster: Cluster, client: httpx2.Client) -> None:
    """Only the kubeconfig's token is the administrator's."""
    assert 403 == client.get("/api/v1/secrets", headers={"Authorization": ""}).status_code


@pytest.mark.parametrize(("name", "is_old"), [("current", False), ("debian", True)])
def test_both_kubectls_talk_to_it(
    cluster: Cluster, client: httpx2.Client, kubectl_programs: dict[str, Path], tmp_path: Path, name: str, is_old: bool
) -> None:
    """One is as new as the server, the other is years older."""
    kubectl = Kubectl(kubectl_programs[name], cluster.kubeconfig, tmp_path)
    assert is_old == (kubectl.version < (1, 36))
    ended = kubectl.run("create", "-f", "-", "-o", "name", stdin=yaml.safe_dump(thing(f"of-{name}")))
    assert (0, f"thing.rig.test/of-{name}\n", "") == (ended.exit, ended.stdout, ended.stderr)
