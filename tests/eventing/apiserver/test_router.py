"""Discovery, reviews, definitions and the version over HTTP."""

import asyncio

import orjson
import pytest

from eventing.apiserver.crd_view import CRD_PATH
from eventing.apiserver.router import METHODS
from eventing.resources.broker import BROKER
from eventing.resources.catalogue import Catalogue
from eventing.resources.core import NAMESPACE
from eventing.resources.trigger import TRIGGER
from tests.eventing.apiserver.stage import EVENTING, TABLE, staged

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList,application/json"


async def test_the_version_is_one_that_clients_take() -> None:
    """`kubectl version` warns of more than one minor version between them."""
    async with staged() as stage:
        found = (await stage.client.get("/version")).json()
        assert (found["major"], found["minor"]) == ("1", "36")
        assert found["gitVersion"].startswith("v1.36.0+eventing-")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api", "APIVersions"),
        ("/apis", "APIGroupList"),
        ("/api/v1", "APIResourceList"),
        ("/apis/eventing.knative.dev", "APIGroup"),
        (EVENTING, "APIResourceList"),
    ],
)
async def test_discovery_is_plain_for_who_asks_plainly(path: str, kind: str) -> None:
    """As old clients do."""
    async with staged() as stage:
        answer = await stage.client.get(path)
        assert (answer.json()["kind"], answer.headers["content-type"]) == (kind, "application/json")


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
@pytest.mark.parametrize("path", ["/api", "/apis"])
async def test_discovery_is_aggregated_for_who_asks_for_it(path: str, version: str) -> None:
    """The content type repeats exactly what was asked for: clients compare it."""
    async with staged() as stage:
        answer = await stage.client.get(path, headers={"Accept": AGGREGATED.format(version)})
        expected = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        assert answer.headers["content-type"] == expected
        assert answer.json()["apiVersion"] == f"apidiscovery.k8s.io/{version}"


async def test_discovery_is_not_sent_twice() -> None:
    """Clients keep it, and ask with its tag."""
    async with staged() as stage:
        first = await stage.client.get("/apis")
        again = await stage.client.get("/apis", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = await stage.client.get(
            "/apis", headers={"If-None-Match": first.headers["etag"], "Accept": AGGREGATED.format("v2")}
        )
        assert other.status_code == 200


async def test_discovery_is_only_read() -> None:
    """405, and 406 for who takes nothing that there is."""
    async with staged() as stage:
        for method in METHODS[2:]:
            assert (await stage.client.request(method, "/apis")).status_code == 405
        assert (await stage.client.get("/apis", headers={"Accept": "text/html"})).status_code == 406


async def test_a_user_may_do_everything() -> None:
    """`kubectl auth can-i`, `--list` and `whoami`."""
    async with staged() as stage:
        reviews = "/apis/authorization.k8s.io/v1/selfsubject"
        spec = {"resourceAttributes": {"verb": "create", "resource": "triggers"}}
        access = await stage.client.post(f"{reviews}accessreviews", json={"spec": spec})
        assert (access.status_code, access.json()["status"], access.json()["spec"]) == (201, {"allowed": True}, spec)
        rules = (await stage.client.post(f"{reviews}rulesreviews", json={})).json()
        assert rules["status"]["resourceRules"] == [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        who = (await stage.client.post(path, json={}, headers={"Impersonate-User": "jane"})).json()
        assert who["status"]["userInfo"] == {"username": "jane"}
        assert (await stage.client.get(path)).status_code == 405
        assert (await stage.client.post(path, json=[])).status_code == 400
        assert (await stage.client.post(path, content=b"x")).status_code == 400


async def test_definitions_can_be_read_and_selected() -> None:
    """`kn source list-types` and `kubectl get crds`; core kinds have none."""
    async with staged(Catalogue((NAMESPACE, BROKER, TRIGGER))) as stage:
        listed = (await stage.client.get(CRD_PATH)).json()
        assert [item["metadata"]["name"] for item in listed["items"]] == [
            "brokers.eventing.knative.dev",
            "triggers.eventing.knative.dev",
        ]
        query = "labelSelector=duck.knative.dev/addressable%3Dtrue"
        assert len((await stage.client.get(f"{CRD_PATH}?{query}")).json()["items"]) == 1
        one = (await stage.client.get(f"{CRD_PATH}/brokers.eventing.knative.dev")).json()
        assert one["status"]["storedVersions"] == ["v1"]
        assert (await stage.client.get(CRD_PATH, headers=TABLE)).json()["kind"] == "Table"
        missing = (await stage.client.get(f"{CRD_PATH}/x")).json()
        assert missing["message"] == 'customresourcedefinitions.apiextensions.k8s.io "x" not found'
        assert (await stage.client.get(f"{CRD_PATH}?labelSelector=%3D")).status_code == 400
        assert (await stage.client.delete(f"{CRD_PATH}/x")).status_code == 405


async def test_definitions_can_be_waited_for() -> None:
    """`kubectl wait --for=condition=established crd/...`: what is there, the bookmark, then nothing."""
    initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    name = "fieldSelector=metadata.name%3Dbrokers.eventing.knative.dev"
    async with staged() as stage:
        answer = await stage.client.get(f"{CRD_PATH}?watch=1&{initial}&{name}&timeoutSeconds=1")
        added, bookmark = [orjson.loads(line) for line in answer.text.splitlines()]
        assert (added["type"], bookmark["type"]) == ("ADDED", "BOOKMARK")
        conditions = {one["type"]: one["status"] for one in added["object"]["status"]["conditions"]}
        assert conditions["Established"] == "True"
        asyncio.get_running_loop().call_later(0.01, stage.closing.set)
        assert (await stage.client.get(f"{CRD_PATH}?watch=1&resourceVersion=1")).text == ""
