"""Whatever may be stored can be looked at: no object takes the reconciliation of the others away."""

import json
from typing import Any

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Key, Object
from tests.e2e.manifests import broker, trigger
from tests.eventing.resources.recorded import RECORDINGS, context_of
from tests.eventing.stage import staged

CATALOGUE = Catalogue()
URL = "http://127.0.0.1:9/"


def admitted(file: str) -> list[Object]:
    """All recorded objects that this server takes, each in a namespace of its own."""
    found = []
    for number, case in enumerate(json.loads((RECORDINGS / file).read_text())):
        item = case.get("object", {})
        served = CATALOGUE.find(item.get("apiVersion", ""), item.get("kind", ""))
        if served is None or not served.kind.is_namespaced:
            continue
        placed = {**item, "metadata": {**item["metadata"], "namespace": f"n{number}", "name": "x"}}
        found += _admit(served, placed, case)
    return found


def _admit(served: Any, item: Object, case: dict[str, Any]) -> list[Object]:
    try:
        return [admit(served, item, context=context_of(case), is_strict=False).item]
    except InvalidResource:
        return []


@pytest.mark.parametrize("file", ["admission.json", "defaulting.json"])
async def test_every_recorded_object_is_looked_at(file: str) -> None:
    """Odd as they are, each of a kind that has conditions gets a status, and a Broker beside them works."""
    items = admitted(file)
    async with staged() as stage:
        for item in items:
            await stage.store.create(item)
        await stage.reconcile(broker(), trigger("t", URL))
        assert (True, "", "") == stage.why()
        bare = [key for item in items if (key := await _bare(stage.store.get, item)) is not None]
        assert [] == bare
    assert len(items) > 30


async def _bare(get: Any, item: Object) -> Key | None:
    """Its key, where it should have a status and has none."""
    kind = next(one for one in CATALOGUE if one.group_kind == (item["apiVersion"].rpartition("/")[0], item["kind"]))
    key = kind.key(item["metadata"]["namespace"], item["metadata"]["name"])
    return key if kind.is_knative and "status" not in await get(key) else None


@pytest.mark.parametrize(
    "template",
    [
        {"apiVersion": "v1", "kind": "ConfigMap"},
        {"apiVersion": "messaging.knative.dev/v1", "kind": "Channel"},
        {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger"},
        {"apiVersion": "messaging.knative.dev/v1", "kind": "InMemoryChannel", "spec": {"delivery": {"retry": -1}}},
        {"apiVersion": "messaging.knative.dev/v1", "kind": "InMemoryChannel", "spec": {"subscribers": "x"}},
    ],
)
async def test_a_template_of_no_channel_is_the_channels_failure(template: Object) -> None:
    """What is in a template is looked at only when a channel is made of it."""
    metadata = {"name": "c"}
    item = {"apiVersion": "messaging.knative.dev/v1", "kind": "Channel", "metadata": metadata}
    async with staged() as stage:
        await stage.reconcile({**item, "spec": {"channelTemplate": template}})
        found = await stage.store.get(Key("messaging.knative.dev", "Channel", "default", "c"))
        ready = next(one for one in found["status"]["conditions"] if one["type"] == "Ready")
        assert "False" == ready["status"]
        assert ready["reason"] in ("UnknownKind", "InvalidTemplate")


async def test_a_template_with_more_than_the_channel_knows_makes_one_without_it() -> None:
    """As unknown fields are pruned wherever they stand."""
    spec = {
        "channelTemplate": {
            "apiVersion": "messaging.knative.dev/v1",
            "kind": "InMemoryChannel",
            "spec": {"x": 1, "delivery": {"retry": 3}},
        }
    }
    item = {"apiVersion": "messaging.knative.dev/v1", "kind": "Channel", "metadata": {"name": "c"}, "spec": spec}
    async with staged() as stage:
        await stage.reconcile(item)
        made = await stage.store.get(Key("messaging.knative.dev", "InMemoryChannel", "default", "c"))
        assert {"delivery": {"retry": 3}} == made["spec"]
