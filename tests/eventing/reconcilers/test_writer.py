"""The writer writes all that a turn found, and leaves alone what others changed meanwhile."""

from eventing.pen import Pen
from eventing.reconcilers.turn import Turn
from eventing.reconcilers.writer import BATCH_STATUSES, Writer
from eventing.resources.core import CONFIG_MAP
from eventing.resources.identity import Object, key_of
from eventing.resources.trigger import TRIGGER
from eventing.world import World
from tests.eventing.store.memory_store import MemoryStore

NOW = "2026-01-01T00:00:00Z"


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "n", "name": name}, "data": data}


def trigger(name: str) -> Object:
    metadata = {"namespace": "n", "name": name}
    return {"apiVersion": TRIGGER.api_version, "kind": "Trigger", "metadata": metadata, "spec": {}}


class Scene:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.world = World()
        self.writer = Writer(Pen(self.store), self.world)
        self.turn = Turn(NOW, self.world)


async def test_what_is_made_and_changed_is_seen_and_looked_at_again() -> None:
    scene = Scene()
    old = await scene.store.create(config_map("old"))
    scene.turn.creations.append(config_map("new"))
    scene.turn.update(old, config_map("old", a="1"))
    written = await scene.writer.write(scene.turn)
    assert {CONFIG_MAP.key("n", "new"), CONFIG_MAP.key("n", "old")} == written
    for key in written:
        assert await scene.store.get(key) == scene.world.get(key)


async def test_what_is_there_already_or_changed_meanwhile_stays_as_it_is() -> None:
    """Nor is it seen: the watch brings it. Nothing is made in a namespace that goes."""
    scene = Scene()
    old = await scene.store.create(config_map("old"))
    await scene.store.update(config_map("old", by="somebody"))
    gone = await scene.store.create(config_map("gone"))
    await scene.store.delete(key_of(gone))
    scene.turn.creations.append(config_map("old", a="1"))
    scene.turn.update(old, config_map("old", a="1"))
    scene.turn.update(gone, config_map("gone", a="1"))
    assert set() == await scene.writer.write(scene.turn)
    assert {"by": "somebody"} == (await scene.store.get(key_of(old)))["data"]
    assert scene.world.get(key_of(old)) is None


async def test_statuses_are_written_in_batches_each_by_itself() -> None:
    """One that is of an older version does not keep the others from being written, nor one whose object is gone."""
    scene = Scene()
    items = [await scene.store.create(trigger(f"t{number}")) for number in range(BATCH_STATUSES + 2)]
    await scene.store.update({**trigger("t0"), "spec": {"broker": "b"}})
    await scene.store.delete(TRIGGER.key("n", "t1"))
    scene.turn.statuses += [{**item, "status": {"x": 1}} for item in items]
    assert set() == await scene.writer.write(scene.turn)
    statuses = {
        one["metadata"]["name"]: one.get("status") for one in (await scene.store.list(TRIGGER.group_kind)).items
    }
    assert {"t0": None, **{f"t{number}": {"x": 1} for number in range(2, BATCH_STATUSES + 2)}} == statuses
    assert await scene.store.get(TRIGGER.key("n", "t2")) == scene.world.get(TRIGGER.key("n", "t2"))
