"""HTTP's methods as verbs, over a whole server without a socket."""

import asyncio
import gzip
from dataclasses import replace

import orjson
import pytest
import yaml

from eventing.apiserver import endpoint
from eventing.resources.broker import BROKER
from eventing.resources.catalogue import Catalogue
from eventing.resources.core import CONFIG_MAP, NAMESPACE, SECRET
from eventing.resources.kind import Scale, Version
from eventing.resources.schema import INT32, OPEN, record
from eventing.resources.trigger import TRIGGER
from tests.eventing.apiserver.stage import (
    BROKERS,
    CONFIG_MAPS,
    EVENTING,
    MERGE,
    TABLE,
    TRIGGERS,
    Stage,
    broker,
    config_map,
    refusal,
    staged,
    trigger,
)

YAML = {"Content-Type": "application/yaml"}

CHANNELS = "/apis/messaging.knative.dev/v1/namespaces/default/channels"


async def test_an_object_lives() -> None:
    """Created, read, replaced, patched, deleted: each answers with the object as it is then."""
    async with staged() as stage:
        client = stage.client
        created = await client.post(BROKERS, json=broker())
        assert (created.status_code, created.json()["metadata"]["namespace"]) == (201, "default")
        read = await client.get(f"{BROKERS}/b")
        assert (read.status_code, read.json()) == (200, created.json())
        item = read.json()
        item["metadata"]["labels"] = {"a": "b"}
        replaced = await client.put(f"{BROKERS}/b", json=item)
        assert (replaced.status_code, replaced.json()["metadata"]["labels"]) == (200, {"a": "b"})
        patched = await client.patch(f"{BROKERS}/b", json={"metadata": {"labels": {"a": None}}}, headers=MERGE)
        assert (patched.status_code, patched.json()["metadata"].get("labels", {})) == (200, {})
        deleted = await client.delete(f"{BROKERS}/b")
        assert deleted.status_code == 200
        assert deleted.json() == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {
                "name": "b",
                "group": "eventing.knative.dev",
                "kind": "brokers",
                "uid": item["metadata"]["uid"],
            },
        }
        assert (await client.get(f"{BROKERS}/b")).status_code == 404


async def test_unknown_fields_are_warned_of_unless_ignored() -> None:
    """The default is to warn, as for `kubectl --validate=warn`."""
    item = {**broker(), "spec": {'de"livry': 1}}
    async with staged() as stage:
        answer = await stage.client.post(f"{BROKERS}?dryRun=All", json=item)
        assert (answer.status_code, answer.headers["warning"]) == (201, r'299 - "unknown field \"spec[de\"livry]\""')
        ignored = await stage.client.post(f"{BROKERS}?fieldValidation=Ignore", json=item)
        assert (ignored.status_code, "warning" in ignored.headers) == (201, False)


async def test_strict_validation_names_unknown_fields_before_other_faults() -> None:
    """As Kubernetes decodes before it validates."""
    item = {**broker(), "spec": {"delivry": 1, "delivery": {"retry": "x"}}}
    async with staged() as stage:
        assert (await refusal(stage, "POST", f"{BROKERS}?fieldValidation=Strict", json=item))[0] == 400
        assert (await refusal(stage, "POST", BROKERS, json=item))[0] == 422


async def test_a_dry_run_changes_nothing() -> None:
    """It checks and completes, and shows what would be."""
    async with staged() as stage:
        client = stage.client
        created = await client.post(f"{BROKERS}?dryRun=All", json=broker())
        assert (created.status_code, "resourceVersion" in created.json()["metadata"]) == (201, False)
        assert (await client.get(f"{BROKERS}/b")).status_code == 404
        stored = (await client.post(BROKERS, json=broker())).json()
        labelled = {"metadata": {"labels": {"a": "b"}}}
        shown = await client.patch(f"{BROKERS}/b?dryRun=All", json=labelled, headers=MERGE)
        assert shown.json()["metadata"]["labels"] == {"a": "b"}
        assert shown.json()["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]
        assert (await client.request("DELETE", f"{BROKERS}/b", json={"dryRun": ["All"]})).status_code == 200
        assert "labels" not in (await client.get(f"{BROKERS}/b")).json()["metadata"]


async def test_core_kinds_show_no_generation() -> None:
    """Kubernetes counts none of them."""
    async with staged() as stage:
        made = await stage.client.post(CONFIG_MAPS, json={"metadata": {"name": "c"}})
        assert "generation" not in made.json()["metadata"]
        assert (await stage.client.post(BROKERS, json=broker())).json()["metadata"]["generation"] == 1


async def test_a_foreground_deletion_shows_what_it_waits_for() -> None:
    """The object as it is marked, though nothing depends on it and it is gone at once."""
    async with staged() as stage:
        await stage.client.post(BROKERS, json=broker())
        answer = await stage.client.request("DELETE", f"{BROKERS}/b", json={"propagationPolicy": "Foreground"})
        metadata = answer.json()["metadata"]
        assert (metadata["finalizers"], metadata["deletionGracePeriodSeconds"]) == (["foregroundDeletion"], 0)
        assert (await stage.client.get(f"{BROKERS}/b")).status_code == 404


async def test_yaml_goes_in_and_out() -> None:
    """For who asks; integers beyond 64 bits become floats, as everywhere in Kubernetes."""
    text = "metadata: {name: c}\ndata: {a: 'x'}\n"
    async with staged() as stage:
        headers = {"Content-Type": "application/x-yaml", "Accept": "application/yaml"}
        created = await stage.client.post(CONFIG_MAPS, content=text, headers=headers)
        assert (created.status_code, created.headers["content-type"]) == (201, "application/yaml")
        assert yaml.safe_load(created.text)["data"] == {"a": "x"}
        listed = await stage.client.get(CONFIG_MAPS, headers={"Accept": "application/yaml"})
        assert yaml.safe_load(listed.text)["kind"] == "ConfigMapList"
        number = b"1" + b"0" * 30
        template = b'{"apiVersion":"messaging.knative.dev/v1","kind":"InMemoryChannel","spec":{"a":[%s]}}' % number
        channel = b'{"metadata":{"name":"n"},"spec":{"channelTemplate":%s}}' % template
        made = await stage.client.post(CHANNELS, content=channel)
        assert (made.status_code, made.json()["spec"]["channelTemplate"]["spec"]["a"]) == (201, [1e30])


async def test_large_bodies_are_decoded_apart() -> None:
    """The answer is the same."""
    async with staged() as stage:
        answer = await stage.client.post(CONFIG_MAPS, json=config_map(a="x" * 100_000))
        assert answer.status_code == 201


async def test_large_answers_are_compressed_for_who_can_read_it() -> None:
    """A client that cannot gets them plain."""
    async with staged() as stage:
        await stage.client.post(CONFIG_MAPS, json=config_map(a="x" * 200_000))
        async with stage.client.stream("GET", CONFIG_MAPS, headers={"Accept-Encoding": "gzip"}) as answer:
            raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers["content-encoding"] == "gzip"
        assert orjson.loads(gzip.decompress(raw))["items"][0]["data"]["a"] == "x" * 200_000
        plain = await stage.client.get(CONFIG_MAPS, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_on_the_same_machine_nothing_is_compressed(address: str) -> None:
    """Bytes are cheap there."""
    async with staged(address=address) as stage:
        await stage.client.post(CONFIG_MAPS, json=config_map(a="x" * 200_000))
        plain = await stage.client.get(CONFIG_MAPS, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in plain.headers


async def test_lists_are_of_one_namespace_or_of_all_in_order() -> None:
    """By namespace and name."""
    async with staged() as stage:
        await stage.client.post("/api/v1/namespaces", json={"metadata": {"name": "a"}})
        for name in ("y", "x"):
            await stage.client.post(BROKERS, json=broker(name))
        await stage.client.post(f"{EVENTING}/namespaces/a/brokers", json=broker("z"))
        listed = (await stage.client.get(f"{EVENTING}/brokers")).json()
        assert [item["metadata"]["name"] for item in listed["items"]] == ["z", "x", "y"]
        assert (listed["kind"], listed["apiVersion"]) == ("BrokerList", "eventing.knative.dev/v1")
        assert listed["metadata"]["resourceVersion"] == "5"
        empty = (await stage.client.get(f"{EVENTING}/namespaces/nowhere/brokers")).json()
        assert empty["items"] == []


async def names(stage: Stage, query: str, path: str = BROKERS) -> list[str]:
    listed = (await stage.client.get(f"{path}?{query}")).json()
    return [item["metadata"]["name"] for item in listed["items"]]


async def test_lists_can_be_selected_from() -> None:
    """By labels and by names."""
    async with staged() as stage:
        for name, team in (("a", "x"), ("b", "y"), ("c", "x")):
            await stage.client.post(BROKERS, json=broker(name, labels={"team": team}))
        assert await names(stage, "labelSelector=team%3Dx") == ["a", "c"]
        assert await names(stage, "fieldSelector=metadata.name%3Db") == ["b"]
        assert await names(stage, "fieldSelector=metadata.name%3Db,metadata.namespace!%3Ddefault") == []
        assert await names(stage, "fieldSelector=metadata.name%3Dz") == []
        assert await names(stage, "fieldSelector=metadata.name%3Db", f"{EVENTING}/brokers") == ["b"]


async def test_a_long_list_comes_in_pages() -> None:
    """Each says how to go on and how many are left; what is selected fills a page however far apart it lies."""
    async with staged() as stage:
        for index in range(7):
            await stage.client.post(BROKERS, json=broker(f"b{index}", labels={"odd": str(index % 2)}))
        first = (await stage.client.get(f"{BROKERS}?limit=3")).json()
        assert first["metadata"]["remainingItemCount"] == 4
        token = first["metadata"]["continue"]
        assert await names(stage, f"limit=3&continue={token}") == ["b3", "b4", "b5"]
        odd = (await stage.client.get(f"{BROKERS}?limit=2&labelSelector=odd%3D1")).json()
        assert [item["metadata"]["name"] for item in odd["items"]] == ["b1", "b3"]
        assert "remainingItemCount" not in odd["metadata"]
        assert (await refusal(stage, "GET", f"{TRIGGERS}?continue={token}"))[0] == 400


async def test_kubectl_gets_a_long_table_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller limits, and lists of objects, are as asked for."""
    monkeypatch.setattr(endpoint, "TABLE_CHUNK_ITEMS", 3)
    monkeypatch.setattr(endpoint, "TABLE_MAX_ITEMS", 5)
    async with staged() as stage:
        for index in range(7):
            await stage.client.post(BROKERS, json=broker(f"b{index}"))

        async def rows(limit: int) -> tuple[int, int]:
            table = (await stage.client.get(f"{BROKERS}?limit={limit}", headers=TABLE)).json()
            return len(table["rows"]), table["metadata"].get("remainingItemCount", 0)

        assert [await rows(limit) for limit in (2, 3, 4, 6, 7)] == [(2, 5), (5, 2), (5, 2), (6, 1), (7, 0)]
        assert len(await names(stage, "limit=3")) == 3


async def test_tables_and_metadata_are_had_for_the_asking() -> None:
    """`kubectl get` and metadata clients; of objects as of lists."""
    async with staged() as stage:
        await stage.client.post(BROKERS, json=broker())
        table = (await stage.client.get(BROKERS, headers=TABLE)).json()
        assert (table["kind"], [row["cells"][0] for row in table["rows"]]) == ("Table", ["b"])
        assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
        one = (await stage.client.get(f"{BROKERS}/b?includeObject=Object", headers=TABLE)).json()
        assert one["rows"][0]["object"]["kind"] == "Broker"
        partial = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
        assert set((await stage.client.get(f"{BROKERS}/b", headers=partial)).json()) == {
            "kind", "apiVersion", "metadata",
        }  # fmt: skip
        partial = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
        assert (await stage.client.get(BROKERS, headers=partial)).json()["kind"] == "PartialObjectMetadataList"


async def test_a_table_of_nothing_has_columns() -> None:
    """`kubectl` prints `No resources found`, and needs a list of rows for it."""
    async with staged() as stage:
        table = (await stage.client.get(BROKERS, headers=TABLE)).json()
        assert table["rows"] == []
        assert len(table["columnDefinitions"]) == 1 + len(BROKER.columns)


async def test_a_deletion_that_waits_for_finalizers_shows_the_object() -> None:
    """It goes with the last of them."""
    async with staged() as stage:
        await stage.client.post(BROKERS, json=broker(finalizers=["example.com/hold"]))
        held = (await stage.client.delete(f"{BROKERS}/b")).json()
        assert held["kind"] == "Broker"
        assert "deletionTimestamp" in held["metadata"]
        freed = await stage.client.patch(f"{BROKERS}/b", json={"metadata": {"finalizers": None}}, headers=MERGE)
        assert freed.status_code == 200
        assert (await stage.client.get(f"{BROKERS}/b")).status_code == 404


async def test_a_collection_can_be_deleted() -> None:
    """What is selected, and nothing else; the answer shows it."""
    async with staged() as stage:
        for name, team in (("a", "x"), ("b", "y")):
            await stage.client.post(BROKERS, json=broker(name, labels={"team": team}))
        deleted = (await stage.client.delete(f"{BROKERS}?labelSelector=team%3Dx")).json()
        assert (deleted["kind"], len(deleted["items"])) == ("BrokerList", 1)
        assert await names(stage, "") == ["b"]


async def test_a_status_is_written_apart() -> None:
    """The main resource leaves it alone, and the subresource everything else."""
    async with staged() as stage:
        client = stage.client
        await client.post(TRIGGERS, json={**trigger(), "status": {"subscriberUri": "http://ignored"}})
        assert "status" not in (await client.get(f"{TRIGGERS}/t")).json()
        change = {"status": {"subscriberUri": "http://x"}, "spec": {"broker": "other"}}
        written = (await client.patch(f"{TRIGGERS}/t/status", json=change, headers=MERGE)).json()
        assert (written["status"], written["spec"]["broker"]) == ({"subscriberUri": "http://x"}, "b")
        assert written["metadata"]["generation"] == 1
        assert (await client.get(f"{TRIGGERS}/t/status")).json() == written
        await client.patch(f"{TRIGGERS}/t", json={"status": {"subscriberUri": "http://evil"}}, headers=MERGE)
        assert (await client.get(f"{TRIGGERS}/t")).json()["status"] == {"subscriberUri": "http://x"}
        put = await client.put(f"{TRIGGERS}/t/status", json={**written, "status": None})
        assert "status" not in put.json()


async def test_a_status_is_checked_against_its_fields() -> None:
    """Types count, unknown fields fall away with a warning."""
    async with staged() as stage:
        await stage.client.post(TRIGGERS, json=trigger())
        path = f"{TRIGGERS}/t/status"
        bad = {"status": {"subscriberUri": 5}}
        assert (await refusal(stage, "PATCH", path, json=bad, headers=MERGE))[0] == 422
        pruned = await stage.client.patch(path, json={"status": {"what": 5}}, headers=MERGE)
        assert (pruned.status_code, pruned.headers["warning"]) == (200, r'299 - "unknown field \"status.what\""')


SCALED = replace(
    BROKER,
    name="KafkaSource",
    plural="kafkasources",
    fields={"spec": record({"consumers": INT32}), "status": OPEN},
    scale=Scale(".spec.consumers", ".status.consumers"),
    default=lambda item, context: None,
    validate=lambda item, old, context: [],
)
KAFKA = f"{EVENTING}/namespaces/default/kafkasources"


async def test_a_kind_can_be_scaled() -> None:
    """Read, patched and replaced as a Scale; negative numbers are refused."""
    async with staged(Catalogue((NAMESPACE, SCALED))) as stage:
        client = stage.client
        await client.post(KAFKA, json={"metadata": {"name": "k"}, "spec": {"consumers": 1}})
        read = (await client.get(f"{KAFKA}/k/scale")).json()
        assert (read["kind"], read["spec"]) == ("Scale", {"replicas": 1})
        patched = await client.patch(f"{KAFKA}/k/scale", json={"spec": {"replicas": 5}}, headers=MERGE)
        assert patched.json()["spec"] == {"replicas": 5}
        assert (await client.get(f"{KAFKA}/k")).json()["spec"] == {"consumers": 5}
        put = await client.put(f"{KAFKA}/k/scale", json={**patched.json(), "spec": {"replicas": 2}})
        assert (put.status_code, put.json()["spec"]) == (200, {"replicas": 2})
        assert (await refusal(stage, "PUT", f"{KAFKA}/k/scale", json=patched.json()))[0] == 409
        assert (await refusal(stage, "PATCH", f"{KAFKA}/k/scale", json={"spec": {"replicas": -1}}, headers=MERGE))[
            0
        ] == 422


async def test_generated_names_end_in_something_new() -> None:
    """A taken one is generated again, a few times."""
    async with staged(suffix=iter(["aaaaa", "aaaaa", "bbbbb"])) as stage:
        made = {**broker(), "metadata": {"generateName": "made-"}}
        assert (await stage.client.post(BROKERS, json=made)).json()["metadata"]["name"] == "made-aaaaa"
        assert (await stage.client.post(BROKERS, json=made)).json()["metadata"]["name"] == "made-bbbbb"
    async with staged(suffix=iter(["aaaaa"] * 20)) as stage:
        assert (await stage.client.post(BROKERS, json=made)).status_code == 201
        assert (await refusal(stage, "POST", BROKERS, json=made))[:2] == (409, "AlreadyExists")
        nameless = {**broker(), "metadata": {}}
        assert (await refusal(stage, "POST", BROKERS, json=nameless))[:2] == (422, "Invalid")


async def test_the_caller_may_speak_for_another() -> None:
    """Impersonation names the user, else the access layer does, else it is `admin`."""
    async with staged() as stage:
        made = await stage.client.post(BROKERS, json=broker(), headers={"Impersonate-User": "jane"})
        assert made.json()["metadata"]["annotations"]["eventing.knative.dev/creator"] == "jane"
        made = await stage.client.post(BROKERS, json=broker("c"))
        assert made.json()["metadata"]["annotations"]["eventing.knative.dev/creator"] == "admin"


async def test_a_deprecated_version_says_so_at_every_request() -> None:
    """Whatever is asked, the warning is there; the object is the same in every version."""
    old = Version("v1beta1", BROKER.fields, deprecation="eventing.knative.dev/v1beta1 Broker is deprecated")
    catalogue = Catalogue((NAMESPACE, replace(BROKER, others=(old,))))
    path = BROKERS.replace("v1", "v1beta1")
    async with staged(catalogue) as stage:
        made = await stage.client.post(path, json={"metadata": {"name": "b"}})
        warning = '299 - "eventing.knative.dev/v1beta1 Broker is deprecated"'
        assert (made.headers["warning"], made.json()["apiVersion"]) == (warning, "eventing.knative.dev/v1beta1")
        assert (await stage.client.get(path)).headers["warning"] == warning
        assert (await stage.client.get(f"{BROKERS}/b")).json()["apiVersion"] == "eventing.knative.dev/v1"
        answer = await stage.client.get(f"{path}?watch=1&timeoutSeconds=1")
        assert answer.headers["warning"] == warning


async def test_core_kinds_are_replaced_without_a_version() -> None:
    """As Kubernetes has it for them; the last writer wins."""
    async with staged() as stage:
        await stage.client.post(CONFIG_MAPS, json=config_map(a="1"))
        put = await stage.client.put(f"{CONFIG_MAPS}/c", json=config_map(a="2"))
        assert (put.status_code, put.json()["data"]) == (200, {"a": "2"})


async def test_a_secrets_values_are_not_in_tables() -> None:
    """Nor anywhere else where nobody asked for them."""
    async with staged(Catalogue((NAMESPACE, CONFIG_MAP, SECRET, BROKER, TRIGGER))) as stage:
        path = "/api/v1/namespaces/default/secrets"
        await stage.client.post(path, json={"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}})
        table = await stage.client.get(path, headers=TABLE)
        assert "aHVudGVyMg" not in table.text
        assert "hunter2" not in table.text


async def test_writers_meet_without_losing_a_change() -> None:
    """Patches that say no version are tried anew on what the other wrote."""
    async with staged() as stage:
        await stage.client.post(BROKERS, json=broker())
        patches = [
            stage.client.patch(f"{BROKERS}/b", json={"metadata": {"labels": {f"l{index}": "x"}}}, headers=MERGE)
            for index in range(5)
        ]
        answers = await asyncio.gather(*patches)
        assert [answer.status_code for answer in answers] == [200] * 5
        assert len((await stage.client.get(f"{BROKERS}/b")).json()["metadata"]["labels"]) == 5
