"""What Knative's controllers made of objects, step by step, and what ours make of the same, in comparable form.

Recorded from knative/eventing, with its data plane up and its shipped ConfigMaps.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from eventing.errors import InvalidResource, NotFound
from eventing.patch.merge_patch import apply_merge_patch
from eventing.reconcilers.turn import Occurrence
from eventing.resources.admission import admit
from eventing.resources.catalogue import Catalogue
from eventing.resources.identity import Object
from eventing.resources.kind import Context
from eventing.resources.source_event_type import SOURCE_NAME_LABEL
from tests.eventing.resources.recorded import RECORDINGS
from tests.eventing.stage import BASE_URL, Stage, config_map, settle, staged

Facts = dict[str, str]
"""What was seen, each fact by `step > object > aspect`."""
Scenario = dict[str, Any]
CATALOGUE = Catalogue()
NAMES = {kind.name: kind for kind in CATALOGUE}
CORE = ("ConfigMap", "Namespace", "Secret", "Service", "Event")
"""Kinds without a status that anybody reconciles."""
TEMPLATE = "apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\n"
VERSIONS = {"EventType": "v1beta2"}
"""In which versions they were read, where that is not the one we store."""
THERE = " > there"


def scenarios() -> dict[str, Scenario]:
    """All of them, by name."""
    return {one["scenario"]: one for one in json.loads((RECORDINGS / "conditions.json").read_text())}


def theirs(scenario: Scenario) -> Facts:
    """What Knative's controllers wrote: a step's objects are those it repeats, and those it says are unchanged."""
    facts: Facts = {}
    objects: dict[str, Object] = {}
    for step in scenario["steps"]:
        if "after" not in step or step.get("namespace", scenario["namespace"]) != scenario["namespace"]:
            continue
        objects = {name: item for name, item in objects.items() if name not in step.get("gone", ())}
        objects |= step.get("objects", {})
        facts.update(_facts(step["after"], objects))
    told = {(event["object"], event["type"], event["reason"]) for event in scenario["events"]}
    return facts | {f"events > {name} > {type_} {reason}": "told" for name, type_, reason in told if _is_ours(name)}


async def ours(scenario: Scenario) -> Facts:
    """What our controller writes when the same is done in the same order."""
    facts: Facts = {}
    async with staged() as stage:
        told: list[Occurrence] = []
        stage.controller = stage.create_controller(told.append)
        await stage.apply(
            _placed(config_map("config-br-default-channel", **{"channel-template-spec": TEMPLATE}), "knative-eventing"),
            _placed(config_map("kube-root-ca.crt"), scenario["namespace"]),
        )
        async with stage.following():
            for step in scenario["steps"]:
                if "do" in step:
                    await _do(stage, step, scenario["namespace"])
                else:
                    await _rest(stage)
                    facts.update(_facts(step["after"], await _objects(stage, scenario["namespace"])))
        names = {(f"{one.item['kind']}/{one.item['metadata']['name']}", one.type, one.reason) for one in told}
        await stage.controller.close()
    return facts | {f"events > {name} > {type_} {reason}": "told" for name, type_, reason in names}


def differences(wanted: Facts, found: Facts) -> dict[str, tuple[str, str]]:
    """Every fact of which they say different things, and what both say. Of an object that only one of them has, or has
    looked at, nothing but that.
    """
    common = {_object(name) for name in wanted if name.endswith(THERE) and wanted[name] == found.get(name)}
    names = [name for name in sorted(wanted.keys() | found.keys()) if wanted.get(name) != found.get(name)]
    told = [name for name in names if name.endswith(THERE) or name.startswith("events") or _object(name) in common]
    return {name: (wanted.get(name, ""), found.get(name, "")) for name in told}


def _object(name: str) -> str:
    return name.rpartition(" > ")[0]


def _placed(item: Object, namespace: str) -> Object:
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}


async def _do(stage: Stage, step: Mapping[str, Any], namespace: str) -> None:
    """What was done, where it concerns a kind that this server has."""
    verb, _, name = step["do"].partition(" ")
    kind_name, _, name = name.partition("/")
    kind = NAMES.get(kind_name)
    if kind is None or verb not in ("create", "patch", "delete"):
        return
    if verb == "delete":
        with suppress(NotFound):
            await stage.store.delete(kind.key(namespace, name))
        return
    old = None if verb == "create" else await stage.store.get(kind.key(namespace, name))
    given = step["object"] if old is None else apply_merge_patch(old, step["patch"])
    served = CATALOGUE.find(given["apiVersion"], given["kind"])
    assert served is not None
    try:
        item = admit(served, given, old=old, context=Context(user="admin"), is_strict=False).item
    except InvalidResource:
        return  # and it is not there, which is a difference
    await (stage.store.create(item) if old is None else stage.store.update(item))


async def _rest(stage: Stage) -> None:
    """Until nothing changes any more."""
    version = ""
    while version != (version := await stage.store.version()):
        await settle()


async def _objects(stage: Stage, namespace: str) -> dict[str, Object]:
    found: dict[str, Object] = {}
    for kind in CATALOGUE:
        for item in (await stage.store.list(kind.group_kind, namespace)).items:
            shown = kind.from_stored(item, kind.find_version(VERSIONS.get(kind.name, "")) or kind.served.version)
            found[f"{kind.name}/{item['metadata']['name']}"] = shown
    return found


def _is_ours(name: str) -> bool:
    kind = name.partition("/")[0]
    return kind in NAMES and kind not in CORE


def _facts(step: str, objects: Mapping[str, Object]) -> Iterator[tuple[str, str]]:
    for name, item in objects.items():
        if _is_ours(name):
            if source := item["metadata"].get("labels", {}).get(SOURCE_NAME_LABEL):
                name = f"EventType/of {source} {item['spec']['type']}"
            for aspect, value in _aspects(item):
                yield f"{step} > {name} > {aspect}", _comparable(value)


def _aspects(item: Object) -> Iterator[tuple[str, Any]]:
    metadata, status = item["metadata"], item.get("status") or {}
    yield "there", "with a status" if status else "and nobody looked at it"
    for name in ("annotations", "labels", "ownerReferences", "finalizers"):
        if metadata.get(name):
            yield f"metadata.{name}", metadata[name]
    yield "spec", _spec(item)
    yield "is observed", status.get("observedGeneration") == metadata.get("generation")
    for name, value in status.items():
        if name == "conditions":
            for condition in value:
                yield condition["type"], {key: text for key, text in condition.items() if key != "lastTransitionTime"}
        elif value and name != "observedGeneration":
            yield f"status.{name}", value


def _spec(item: Object) -> Any:
    """Who subscribes is in no order."""
    spec = item.get("spec") or {}
    if "subscribers" not in spec:
        return spec
    return {**spec, "subscribers": sorted(spec["subscribers"], key=lambda one: str(one.get("name")))}


def _comparable(value: Any) -> str:
    """Addresses as in a cluster, whatever this server is called; no uid, and no order of keys."""
    text = json.dumps(value, sort_keys=True)
    text = re.sub(r'("uid": )"[^"]*"', r'\1"UID"', text)
    text = re.sub(rf"{BASE_URL}/channels/([^/\"]+)/([^/\"]+)", r"http://\2-kn-channel.\1.svc.cluster.local", text)
    return text.replace(BASE_URL, "http://broker-ingress.knative-eventing.svc.cluster.local")
