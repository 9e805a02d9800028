"""Our OpenAPI documents, as real kubectls read them. What serves them here is nothing but a table of answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Object
from eventing.resources.kind import Served
from eventing.resources.openapi import served_kinds
from eventing.resources.openapi_document import OpenApiDocuments
from tests.rig.kubectl import Kubectl

DOCUMENTS = OpenApiDocuments(Catalogue())
KINDS = served_kinds(DOCUMENTS.catalogue)
PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def resource(served: Served) -> Object:
    kind = served.kind
    names = {"name": kind.plural, "singularName": kind.singular, "kind": kind.name, "namespaced": kind.is_namespaced}
    return names | {"verbs": ["create", "get", "list", "patch"]}


def answers() -> dict[str, Object]:
    found: dict[str, Object] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/openapi/v3": DOCUMENTS.v3_index(),
    }
    groups: dict[str, list[str]] = {}
    for served in KINDS:
        path = "/api/v1" if not served.kind.group else f"/apis/{served.api_version}"
        listed = found.setdefault(
            path, {"kind": "APIResourceList", "groupVersion": served.api_version, "resources": []}
        )
        listed["resources"].append(resource(served))
        if served.kind.group and served.api_version not in groups.setdefault(served.kind.group, []):
            groups[served.kind.group].append(served.api_version)
        found[f"/openapi/v3{path}"] = DOCUMENTS.v3_document(path.removeprefix("/")) or {}
    versions = {
        group: [{"groupVersion": one, "version": one.rpartition("/")[2]} for one in several]
        for group, several in groups.items()
    }
    listed = [
        {"name": group, "versions": several, "preferredVersion": several[0]} for group, several in versions.items()
    ]
    return found | {"/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    told = answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/openapi/v2":
                self.answer(200, DOCUMENTS.v2_protobuf(), PROTOBUF)
            else:
                self.answer(200 if path in told else 404, json.dumps(told.get(path, {})).encode())

        def do_POST(self) -> None:
            self.answer(201, self.rfile.read(int(self.headers["content-length"])))

        def answer(self, code: int, content: bytes, media_type: str = "application/json") -> None:
            self.send_response(code)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["current", "debian"])
def kubectl(request: pytest.FixtureRequest, kubectl_programs: dict[str, Path], url: str, tmp_path: Path) -> Kubectl:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "namespace": "default"}}],
        "current-context": "c",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return Kubectl(kubectl_programs[request.param], path, tmp_path / "home")


def test_kubectl_explains_every_kind(kubectl: Kubectl) -> None:
    """With its description and all of its fields, in each version."""
    for served in KINDS:
        ended = kubectl.run("explain", served.kind.plural, "--recursive", f"--api-version={served.api_version}")
        assert (ended.exit, ended.stderr) == (0, "")
        words = ended.stdout.split()
        assert served.kind.name in words
        assert {*served.version.fields, "metadata", "ownerReferences"} <= set(words)


def test_kubectl_explains_a_field(kubectl: Kubectl) -> None:
    """In our words, down to the last."""
    ended = kubectl.run("explain", "trigger.spec.delivery.backoffPolicy")
    assert ended.exit == 0
    assert "How waiting grows from one attempt to the next" in " ".join(ended.stdout.split())


def test_kubectl_checks_what_it_sends(kubectl: Kubectl, tmp_path: Path) -> None:
    """Where the server does not: what is right passes, dry runs are known to be supported."""
    trigger = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": "a", "labels": {"a": "b"}},
        "spec": {"broker": "b", "filters": [{"exact": {"type": "a"}}], "subscriber": {"uri": "http://sink"}},
    }
    ports = [{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": "http"}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": ports}}
    good = tmp_path / "good.yaml"
    good.write_text(yaml.safe_dump_all([trigger, service]))
    for options in ((), ("--dry-run=server",)):
        ended = kubectl.run("create", "-f", str(good), *options)
        assert (ended.exit, ended.stderr, ended.stdout.count("created")) == (0, "", 2)


def test_only_an_old_kubectl_refuses_unknown_fields(
    kubectl: Kubectl, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """By itself; a current one leaves that to the server, which says that it can."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: a}\nspec: {brokr: x}\n")
    ended = kubectl.run("create", "-f", str(bad))
    refused = 'unknown field "brokr" in dev.knative.eventing.v1.Trigger.spec'
    is_old = request.node.callspec.params["kubectl"] == "debian"
    assert (is_old, is_old) == (ended.exit != 0, refused in ended.stderr)
