"""A private Kubernetes API server with its etcd, and with the two controllers that make deletions complete."""

import secrets
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.e2e.process import wait_until
from tests.rig.child import START_MAX_S, Child, free_port

CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_CONTROLLERS: Final = "garbage-collector-controller,namespace-controller"
"""Others would make objects of their own, which lists then show."""


class Cluster:
    """The API server: `url`, `token` and `authority` (a file) for any client, `kubeconfig` for kubectl."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self.token = secrets.token_hex(16)
        self.authority = folder / "certificates" / "apiserver.crt"
        self.kubeconfig = folder / "kubeconfig"

    def client(self) -> httpx2.Client:
        """HTTP as the administrator; to be closed by whoever asks."""
        context = ssl.create_default_context(cafile=str(self.authority))
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx2.Client(base_url=self.url, verify=context, headers=headers, timeout=30)

    def install(self, definitions: str) -> None:
        """Create CustomResourceDefinitions (YAML, one a document), and return when every version of them is served and
        discovered.
        """
        items = [item for item in yaml.safe_load_all(definitions) if item]
        with self.client() as client:
            for item in items:
                client.post(CRDS, json=item).raise_for_status()
            for item in items:
                name = item["metadata"]["name"]
                wait_until(lambda item=item: _is_served(client, item), f"{name} is served", START_MAX_S)

    def write_kubeconfig(self) -> None:
        config: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.url, "certificate-authority": str(self.authority)}}],
            "users": [{"name": "u", "user": {"token": self.token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "default"}}],
            "current-context": "c",
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))


@contextmanager
def running_cluster(programs: Path, folder: Path, definitions: str = "") -> Iterator[Cluster]:
    """An API server that runs until the end of the block, with its data in that folder. The garbage collector looks for
    new kinds twice a minute only: of the CustomResourceDefinitions given here it knows at once.
    """
    etcd_port, port = free_port(), free_port()
    etcd = [str(programs / "etcd"), "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync", "--log-level", "error"]
    for option in ("--listen-client-urls", "--advertise-client-urls"):
        etcd += [option, f"http://127.0.0.1:{etcd_port}"]
    cluster = Cluster(folder, port)
    _write_secrets(folder, cluster.token)
    with ExitStack() as stack:
        _start(stack, [*etcd, "--listen-peer-urls", "http://127.0.0.1:0"], folder / "etcd.log")
        apiserver = _start(stack, _apiserver(programs, folder, etcd_port, port), folder / "apiserver.log")
        assert apiserver.wait_ready(lambda: _is_ready(cluster)), apiserver.log
        cluster.write_kubeconfig()
        cluster.install(definitions)
        _start(stack, _controllers(programs, folder, cluster), folder / "controllers.log")
        yield cluster


def _start(stack: ExitStack, command: list[str], log: Path) -> Child:
    child = Child(command, log)
    stack.callback(child.stop)
    return child


def _apiserver(programs: Path, folder: Path, etcd_port: int, port: int) -> list[str]:
    return [
        str(programs / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'account.pub'}",
        f"--service-account-signing-key-file={folder / 'account.key'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
        "--shutdown-delay-duration=0s",
    ]


def _controllers(programs: Path, folder: Path, cluster: Cluster) -> list[str]:
    return [
        str(programs / "kube-controller-manager"),
        f"--kubeconfig={cluster.kubeconfig}",
        "--bind-address=127.0.0.1",
        "--secure-port=0",
        "--leader-elect=false",
        f"--service-account-private-key-file={folder / 'account.key'}",
        f"--root-ca-file={cluster.authority}",
        f"--controllers={_CONTROLLERS}",
    ]


def _write_secrets(folder: Path, token: str) -> None:
    """The key that service accounts' tokens are signed with, and the administrator's token."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / "account.key").write_bytes(private)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "account.pub").write_bytes(public)
    (folder / "tokens.csv").write_text(f"{token},admin,1,system:masters\n")


def _is_ready(cluster: Cluster) -> bool:
    """The certificate is written before the port listens; `default` is made a moment after it does."""
    if not cluster.authority.exists():
        return False
    try:
        with cluster.client() as client:
            paths = ("/readyz", "/api/v1/namespaces/default")
            return all(client.get(path).status_code == 200 for path in paths)
    except (httpx2.TransportError, ssl.SSLError):
        return False


def _is_served(client: httpx2.Client, definition: dict[str, Any]) -> bool:
    spec = definition["spec"]
    for version in (one["name"] for one in spec["versions"] if one["served"]):
        group_version = f"{spec['group']}/{version}"
        answer = client.get(f"/apis/{group_version}")
        if answer.status_code != 200 or spec["names"]["plural"] not in _names(answer.json()):
            return False
        if f"apis/{group_version}" not in client.get("/openapi/v3").json()["paths"]:
            return False
        if client.get(f"/apis/{group_version}/{spec['names']['plural']}").status_code != 200:
            return False
    return True


def _names(resources: dict[str, Any]) -> set[str]:
    return {one["name"] for one in resources["resources"]}
