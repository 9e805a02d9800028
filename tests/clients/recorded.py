"""Where the recordings are, which are kept beside the project, and what of them no replay can send."""

from pathlib import Path
from typing import Any, Final

from tests.clients.recording import Command, read_session
from tests.clients.replay import Found, Replay
from tests.e2e.process import Server

RECORDINGS: Final = Path(__file__).parents[3] / "shared" / "conformance"
DEFAULTED: Final = "knative/"
"""Sessions below this folder were recorded with Knative's webhooks and controllers, the others without."""
JSON_BODIES: Final[dict[str, Any]] = {
    "047-kubectl-auth-can-i-create-triggers": {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "namespace": "default",
                "verb": "create",
                "group": "eventing.knative.dev",
                "resource": "triggers",
            }
        },
    },
    "048-kubectl-create-configmap-cm1-from-literal-a-b": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cm1"},
        "data": {"a": "b"},
    },
    "049-kubectl-create-secret-generic-s1-from-literal-password-x": {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s1"},
        "data": {"password": "eA=="},
    },
    "051-kubectl-create-namespace-team": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}},
}
"""What was sent as protobuf, which the recordings do not keep."""


SERVICES: Final = ("receiver", "dead")
"""What the recorded cluster held for all sessions, and not every session asked for."""


def commands(*folders: str) -> list[tuple[str, str]]:
    """(folder, name of a command) of all that was recorded there."""
    return [(folder, path.stem) for folder in folders for path in sorted((RECORDINGS / folder).glob("*.json"))]


def replay(folder: str, server: Server) -> list[Found]:
    """All differences between a session and its replay on a server that holds nothing."""
    with server.client() as client:
        session: list[Command] = read_session(RECORDINGS / folder)
        replayed = Replay(client, is_defaulted=folder.startswith(DEFAULTED), json_bodies=JSON_BODIES, settle_max_s=0.5)
        replayed.prepare(session)
        for name in SERVICES if folder.startswith(DEFAULTED) else ():
            service = {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name},
                "spec": {"ports": [{"port": 80}]},
            }
            client.post("/api/v1/namespaces/default/services", json=service)
        return list(replayed.run(session))
