"""Types of events that pass become EventTypes: once, owned by where they passed, and whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dispatcher.sighting import Sightings
from eventing.errors import StoreUnavailable
from eventing.pen import Pen
from eventing.reconcilers.event_type_maker import EventTypeMaker
from eventing.resources.broker import BROKER
from eventing.resources.channel import CHANNEL
from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.subscription import SUBSCRIPTION
from eventing.resources.trigger import TRIGGER
from tests.eventing.stage import an_event, eventually
from tests.eventing.store.memory_store import MemoryStore

KEY = BROKER.key("n", "b")


class _Store(MemoryStore):
    """May be away for a creation."""

    is_away = False
    asked = 0

    async def create(self, item: Object, *, dry_run: bool = False) -> Object:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailable("no route to it")
        return await super().create(item, dry_run=dry_run)


class Scene:
    def __init__(self) -> None:
        self.store = _Store()
        self.maker = EventTypeMaker(Pen(self.store))
        self.owners: dict[Key, Object] = {}
        for api_version, kind, name in (
            (BROKER.api_version, "Broker", "b"),
            (TRIGGER.api_version, "Trigger", "t"),
            (CHANNEL.api_version, "Channel", "c"),
            (SUBSCRIPTION.api_version, "Subscription", "s"),
        ):
            metadata = {"namespace": "n", "name": name, "uid": f"u-{name}"}
            key = Key(api_version.partition("/")[0], kind, "n", name)
            self.owners[key] = {"apiVersion": api_version, "kind": kind, "metadata": metadata}

    async def types(self) -> dict[str, Object]:
        """By the name of what they are of."""
        items = (await self.store.list(EVENT_TYPE.group_kind)).items
        return {item["spec"]["reference"]["name"]: item for item in items}

    async def of_broker(self) -> list[Object]:
        """Those of what the Broker took."""
        items = (await self.store.list(EVENT_TYPE.group_kind)).items
        return [item for item in items if item["spec"]["reference"]["name"] == "b"]

    async def seen(self, number: int) -> None:
        await eventually(lambda: self.store.asked >= number)


@asynccontextmanager
async def making() -> AsyncIterator[Scene]:
    scene = Scene()
    for key, owner in scene.owners.items():
        # Owners that are gone collect what they own, so they must be there.
        scene.owners[key] = await MemoryStore.create(scene.store, {**owner, "spec": {}})
    task = asyncio.create_task(scene.maker.run(scene.owners.get))
    yield scene
    task.cancel()
    await asyncio.wait([task])


def noticing(scene: Scene, key: Key, event_type: str = "order", replier: str = "") -> Sightings:
    sightings = scene.maker.sightings_of(key)
    sightings.notice([an_event("1", event_type)], replier)
    return sightings


async def test_a_type_that_passes_a_broker_becomes_an_event_type_of_it() -> None:
    async with making() as scene:
        kept = noticing(scene, KEY)
        await scene.seen(1)
        item = (await scene.types())["b"]
        assert ("order", "/test") == (item["spec"]["type"], item["spec"]["source"])
        owners = [(one["kind"], one["name"]) for one in item["metadata"]["ownerReferences"]]
        assert [("Broker", "b")] == owners
        assert 0 == kept.overlooked


async def test_a_reply_is_of_the_trigger_or_subscription_that_brought_it() -> None:
    async with making() as scene:
        kept = [
            noticing(scene, KEY, replier="t"),
            noticing(scene, CHANNEL.key("n", "c"), replier="s"),
        ]
        await scene.seen(2)
        assert {"s", "t"} == (await scene.types()).keys()
        assert 2 == len(kept)


async def test_what_is_there_already_or_has_no_owner_any_more_makes_nothing() -> None:
    """And those that come after are made."""
    async with making() as scene:
        kept = noticing(scene, KEY)
        await scene.seen(1)
        kept.reset()
        gone = noticing(scene, BROKER.key("n", "gone"))
        kept.notice([an_event("2")])
        await scene.seen(2)
        assert ["b"] == [*await scene.types()]
        other = noticing(scene, CHANNEL.key("n", "c"))
        await scene.seen(3)
        assert {"b", "c"} == (await scene.types()).keys()
        assert 0 == gone.overlooked == other.overlooked


async def test_what_was_sighted_while_the_store_was_away_is_sighted_again() -> None:
    """With the next event of its type."""
    async with making() as scene:
        scene.store.is_away = True
        kept = noticing(scene, KEY)
        await scene.seen(1)
        scene.store.is_away = False
        assert {} == await scene.types()
        kept.notice([an_event("2")])
        await scene.seen(2)
        assert ["b"] == [*await scene.types()]


async def test_a_broker_that_is_gone_is_forgotten() -> None:
    """Whoever notices belongs to the Broker: the maker keeps none of them alive."""
    async with making() as scene:
        noticing(scene, CHANNEL.key("n", "c"))
        kept = noticing(scene, KEY)
        await scene.seen(1)
        assert ["b"] == [*await scene.types()]
        assert 0 == kept.overlooked


async def test_one_that_was_deleted_comes_again_with_the_next_event_of_its_type() -> None:
    """Whoever had made it; what else is known is not made again."""
    async with making() as scene:
        kept = noticing(scene, KEY)
        await scene.seen(1)
        kept.reset()
        kept.notice([an_event("2"), an_event("3", "other")])
        await scene.seen(3)
        item = next(one for one in await scene.of_broker() if one["spec"]["type"] == "order")
        await scene.store.delete(key_of(item))
        scene.maker.forget(key_of(item))
        kept.notice([an_event("4"), an_event("5", "other")])
        await scene.seen(4)
        assert ["order", "other"] == sorted(one["spec"]["type"] for one in await scene.of_broker())
        assert 4 == scene.store.asked


async def test_one_whose_broker_is_gone_or_that_nobody_made_is_forgotten_without_a_word() -> None:
    async with making() as scene:
        noticing(scene, CHANNEL.key("n", "c"))
        kept = noticing(scene, KEY)
        await scene.seen(1)
        (item,) = await scene.of_broker()
        del kept
        for _ in range(2):
            scene.maker.forget(key_of(item))


async def test_without_the_pen_it_tells_who_has_it() -> None:
    """A process that only takes events leaves the writing to another one, which makes the same EventType of it."""
    told = list[str]()

    async def tell(words: str) -> None:
        told.append(words)

    async with making() as scene:
        teller = EventTypeMaker(Pen(), tell)
        tasks = [asyncio.create_task(teller.run(scene.owners.get)), asyncio.create_task(scene.maker.run_heard())]
        kept = teller.sightings_of(KEY)
        kept.notice([an_event("1")])
        await eventually(lambda: told)
        assert [] == await scene.of_broker()
        for words in ("no JSON", told[0], told[0]):
            scene.maker.hear(words)
        await scene.seen(2)
        assert ["order"] == [item["spec"]["type"] for item in await scene.of_broker()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_what_is_heard_without_the_pen_is_passed_over() -> None:
    """Whoever has the pen hears it, too."""
    scene = Scene()
    scene.maker = EventTypeMaker(Pen())
    hearing = asyncio.create_task(scene.maker.run_heard())
    scene.maker.hear("{}")
    await asyncio.sleep(0.01)
    assert not hearing.done()
    hearing.cancel()
    await asyncio.wait([hearing])
