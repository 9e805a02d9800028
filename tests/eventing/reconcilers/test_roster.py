"""The order of a pass: whatever comes together is right after one of them, and nobody is looked at twice."""

from typing import Any

import pytest

from eventing.reconcilers.roster import TURN_ITEMS, Roster
from eventing.reconcilers.turn import Turn
from eventing.resources.channel import CHANNEL
from eventing.resources.identity import Object, key_of
from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.ping_source import PING_SOURCE
from eventing.resources.trigger import DEPENDENCY_ANNOTATION
from eventing.specification import Sinks
from eventing.world import World
from tests.e2e.manifests import broker, broker_ref, trigger
from tests.eventing.reconcilers.test_backing_channel import of, subscription
from tests.eventing.stage import Stage, staged

URL = "http://127.0.0.1:9/"
NOW = "2026-01-01T00:00:00Z"


async def one_pass(stage: Stage, *items: Object) -> Turn:
    """All that is stored is looked at once, by nobody's controller."""
    await stage.apply(*items)
    world, seen = World(), {}
    for kind in stage.catalogue:
        seen |= {key_of(item): item for item in (await stage.store.list(kind.group_kind)).items}
    world.replace(seen)
    sinks = Sinks(
        pools=stage.pools,
        catalogue=stage.catalogue,
        cluster_domain=stage.settings.cluster_domain,
        broker_sinks=stage.controller.plane,
    )
    roster = Roster(
        world=world,
        plane=stage.controller.plane,
        sinks=sinks,
        catalogue=stage.catalogue,
        settings=stage.settings,
        triggers=stage.controller.triggers,
        forget_type=lambda _: None,
    )
    turn = Turn(NOW, world)
    await roster.look_at({*seen}, turn)
    return turn


def depending(on: Object) -> Object:
    text = f'{{"apiVersion": "{on["apiVersion"]}", "kind": "{on["kind"]}", "name": "{on["metadata"]["name"]}"}}'
    return trigger("t", URL, annotations={DEPENDENCY_ANNOTATION: text})


def statuses(turn: Turn) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for item in turn.statuses:
        ready: Any = next(one for one in item["status"]["conditions"] if one["type"] == "Ready")
        found[f"{item['kind']}/{item['metadata']['name']}"] = (ready["status"], ready.get("reason", ""))
    return found


@pytest.mark.parametrize(
    "on",
    [
        broker("other"),
        of(IN_MEMORY_CHANNEL),
        {
            "apiVersion": PING_SOURCE.api_version,
            "kind": "PingSource",
            "metadata": {"name": "p"},
            "spec": {"sink": broker_ref("b")},
        },
    ],
    ids=lambda item: item["kind"],
)
async def test_a_trigger_is_looked_at_after_what_it_depends_on(on: Object) -> None:
    async with staged() as stage:
        turn = await one_pass(stage, broker(), depending(on), on)
        found = statuses(turn)
        assert found[f"{on['kind']}/{on['metadata']['name']}"] == found["Trigger/t"]
        assert set() == turn.early


async def test_a_channel_is_looked_at_after_its_channel_and_a_subscription_before_both() -> None:
    """Where that is there already. What subscribes is written into it first; its status comes with the next pass."""
    item = of(CHANNEL, channelTemplate={"apiVersion": IN_MEMORY_CHANNEL.api_version, "kind": IN_MEMORY_CHANNEL.name})
    async with staged() as stage:
        turn = await one_pass(stage, item, of(IN_MEMORY_CHANNEL), subscription("s", item))
        assert ["s"] == [one["name"] for one in turn.updates[0]["spec"]["subscribers"]]
        assert ("True", "") == statuses(turn)["Subscription/s"]


async def test_every_object_is_looked_at_once() -> None:
    """However many there are: others have their turns meanwhile."""
    async with staged() as stage:
        names = [f"t{number}" for number in range(2 * TURN_ITEMS)]
        turn = await one_pass(stage, broker(), *(trigger(name, URL) for name in names))
        assert {"Broker/b": ("True", ""), **{f"Trigger/{name}": ("True", "") for name in names}} == statuses(turn)
        assert len(names) + 1 == len(turn.statuses)
