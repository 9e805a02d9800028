"""A Trigger's dependency: what it says of an object of any kind. What else a Trigger says is among the recordings."""

import json
from typing import Any

import pytest

from eventing.resources.identity import Object
from eventing.resources.trigger import DEPENDENCY_ANNOTATION
from tests.e2e.manifests import broker, trigger
from tests.eventing.stage import Stage, broker_key, config_map, staged, trigger_key

URL = "http://127.0.0.1:9/"
BROKER_REF = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "other"}


def depending(**ref: Any) -> Object:
    return trigger("t", URL, annotations={DEPENDENCY_ANNOTATION: json.dumps({"name": "d", **ref})})


async def dependency(stage: Stage) -> tuple[str, str, str]:
    item = await stage.store.get(trigger_key())
    found = next(one for one in item["status"]["conditions"] if one["type"] == "DependencyReady")
    return found["status"], found.get("reason", ""), found.get("message", "")


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (
            {"apiVersion": "example.com/v1", "kind": "Nope"},
            ("Unknown", "ListerDoesNotExist", "Failed to retrieve lister: no Nope in example.com/v1"),
        ),
        (
            {"apiVersion": "v1", "kind": "Service"},
            ("False", "DependencyDoesNotExist", 'Dependency does not exist: services "d" not found'),
        ),
        (
            {"apiVersion": "v1", "kind": "ConfigMap"},
            (
                "Unknown",
                "GenerationNotEqual",
                "The dependency's metadata.generation is not equal to its status.observedGeneration.",
            ),
        ),
    ],
)
async def test_what_cannot_be_looked_at_is_told(ref: Object, expected: tuple[str, str, str]) -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), config_map("d"), depending(**ref))
        assert expected == await dependency(stage)
        assert [*stage.broker().triggers] == ["t"]


async def test_the_dependencys_ready_is_mirrored() -> None:
    """And followed, by a controller that follows the store."""
    async with staged() as stage:
        await stage.reconcile(broker(), depending(**BROKER_REF))
        assert "DependencyDoesNotExist" == (await dependency(stage))[1]
        await stage.reconcile(broker("other"))
        assert ("True", "", "") == await dependency(stage)
        await stage.delete(broker_key("other"))
        await stage.reconcile()
        assert "DependencyDoesNotExist" == (await dependency(stage))[1]


async def test_a_dependency_that_never_says_whether_it_is_ready_is_unknown() -> None:
    """A status of somebody else's that has conditions, and no Ready among them."""
    async with staged() as stage:
        await stage.reconcile(broker(), depending(apiVersion="v1", kind="Service"))
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "d"}, "spec": {"ports": [{"port": 80}]}}
        await stage.apply(service)
        item = (await stage.store.list(_group_kind(service))).items[0]
        await stage.store.update_status({**item, "status": {"observedGeneration": item["metadata"]["generation"]}})
        await stage.controller.reconcile()
        assert ("Unknown", "", "") == await dependency(stage)


def _group_kind(item: Object) -> Any:
    return "", item["kind"]


async def test_without_an_annotation_there_is_nothing_to_wait_for() -> None:
    async with staged() as stage:
        await stage.reconcile(broker(), trigger("t", URL))
        assert ("True", "", "") == await dependency(stage)
