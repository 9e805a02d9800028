"""What the controller writes into the store: once it is true, only where it is news, and nothing while that is away."""

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from eventing.errors import NotFound, StoreUnavailable
from eventing.resources.channel import CHANNEL
from eventing.resources.identity import GroupKind, Key, Object
from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.subscription import SUBSCRIPTION
from eventing.resources.trigger import DEPENDENCY_ANNOTATION
from eventing.settings import Settings
from eventing.store.contract import Listing, Written
from tests.e2e.manifests import broker, trigger
from tests.eventing.stage import Stage, broker_key, eventually, settle, staged, trigger_key
from tests.eventing.store.memory_store import MemoryStore

URL = "http://127.0.0.1:9/"
TRIGGERS = 300


def ready(item: Object) -> tuple[str, str]:
    found = [one for one in item.get("status", {}).get("conditions", ()) if one["type"] == "Ready"]
    return (found[0]["status"], found[0].get("reason", "")) if found else ("", "")


def channel(name: str, **spec: Any) -> Object:
    return {"apiVersion": "messaging.knative.dev/v1", "kind": "Channel", "metadata": {"name": name}, "spec": spec}


def subscription(name: str, to: str, uri: str = URL) -> Object:
    ref = {"apiVersion": "messaging.knative.dev/v1", "kind": "Channel", "name": to}
    spec = {"channel": ref, "subscriber": {"uri": uri}}
    return {"apiVersion": "messaging.knative.dev/v1", "kind": "Subscription", "metadata": {"name": name}, "spec": spec}


class _Watched(MemoryStore):
    """Tells of each writing of statuses before it is done; and can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Object] = []
        self.before: Any = None
        self.is_away = False

    async def list(self, group_kind: GroupKind, namespace: str | None = None, **_: Any) -> Listing:
        if self.is_away:
            raise StoreUnavailable("no route to it")
        return await super().list(group_kind, namespace)

    async def update_statuses(self, items: Sequence[Object]) -> Written:
        if self.is_away:
            raise StoreUnavailable("no route to it")
        self.written += items
        if self.before is not None:
            await self.before(items)
        return await super().update_statuses(items)


async def test_what_is_said_to_be_ready_works() -> None:
    """Before the first reader can see it: the Broker takes events, and its Trigger has a lane."""
    store = _Watched()
    stage = Stage(store, Settings(default_channel="memory"))
    seen = []

    async def look(items: Sequence[Object]) -> None:
        for item in items:
            if item["kind"] == "Broker" and ready(item)[0] == "True":
                seen.append((b"/default/b" in stage.intake.routes, [*stage.broker().triggers]))

    store.before = look
    async with stage.following():
        await stage.apply(broker(), trigger("t", URL))
        await eventually(lambda: seen)
    await stage.controller.close()
    assert [(True, ["t"])] == seen


async def test_a_restart_writes_nothing_where_nothing_changed() -> None:
    """Nor does reading everything again: what is stored says it all."""
    async with staged() as stage:
        await stage.reconcile(
            broker(),
            *(trigger(f"t{number}", URL) for number in range(TRIGGERS)),
            *(channel("c"), subscription("s", "c")),
        )
        version = await stage.store.version()
        await stage.controller.reconcile()
        restarted = stage.create_controller()
        await restarted.reconcile()
        assert version == await stage.store.version()
        assert TRIGGERS + 1 == len(restarted.triggers)
        await restarted.close()


async def test_what_was_written_has_nothing_written_again() -> None:
    """Its own words come back to it by the watch, and are no news."""
    async with staged() as stage, stage.following():
        await stage.apply(broker(), trigger("t", URL), channel("c"), subscription("s", "c"))
        await settle()
        version = await stage.store.version()
        await settle()
        assert version == await stage.store.version()
        assert ("True", "") == ready(await stage.store.get(SUBSCRIPTION.key("default", "s")))


async def test_an_object_that_changed_meanwhile_is_looked_at_again() -> None:
    """The status that was on its way is dropped; the next is of the object as it is."""
    store = _Watched()
    stage = Stage(store, Settings(default_channel="memory"))

    async def change(_items: Sequence[Object]) -> None:
        store.before = None
        await stage.apply(trigger("t", URL, retry=3))

    async with stage.following():
        await stage.apply(broker())
        await settle()
        store.before = change
        await stage.apply(trigger("t", URL))
        await settle()
    item = await store.get(trigger_key())
    assert (2, 2) == (item["metadata"]["generation"], item["status"]["observedGeneration"])
    assert 3 == stage.trigger().spec.policy.retry
    await stage.controller.close()


async def test_an_object_that_went_meanwhile_leaves_nothing() -> None:
    store = _Watched()
    stage = Stage(store, Settings(default_channel="memory"))

    async def drop(_items: Sequence[Object]) -> None:
        store.before = None
        await stage.delete(trigger_key())

    async with stage.following():
        store.before = drop
        await stage.apply(broker(), trigger("t", URL))
        await settle()
    assert {} == stage.controller.triggers == stage.broker().triggers
    await stage.controller.close()


async def test_while_the_store_is_away_everything_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """As it was last seen, with one line for an outage; what changes meanwhile is seen afterwards."""
    caplog.set_level(logging.INFO)
    store = _Watched()
    stage = Stage(store, Settings(default_channel="memory"))
    async with stage.following():
        await stage.apply(broker(), trigger("t", URL))
        await settle()
        store.is_away = True
        await stage.apply(trigger("u", URL))
        await eventually(lambda: "the store is away" in caplog.text)
        assert [b"/default/b"] == [*stage.intake.routes]
        assert "t" in stage.broker().triggers
        store.is_away = False
        await eventually(lambda: "the store is back" in caplog.text)
        await settle()
        assert ("True", "") == ready(await store.get(trigger_key("u")))
    assert 1 == caplog.text.count("the store is away")
    await stage.controller.close()


async def test_a_pause_looks_at_nothing_but_its_trigger() -> None:
    store = _Watched()
    stage = Stage(store, Settings(default_channel="memory"))
    await stage.reconcile(broker(), trigger("t", URL), trigger("u", URL))
    store.is_away = True
    await stage.controller.set_paused(trigger_key(), is_paused=True)
    assert (True, False) == tuple(stage.trigger(name).spec.manner.is_paused for name in ("t", "u"))
    await stage.controller.close()


async def test_dependencies_in_a_circle_end(caplog: pytest.LogCaptureFixture) -> None:
    """Each mirrors the other, and both say that they know nothing of themselves."""
    async with staged() as stage:
        await stage.reconcile(broker(), *(depending(one, on) for one, on in (("t", "u"), ("u", "t"))))
        version = await stage.store.version()
        await stage.controller.reconcile()
        assert version == await stage.store.version()
    assert "without an end" not in caplog.text


async def test_who_looked_before_looks_again() -> None:
    """Triggers are looked at by name: the first one depends on what was found of the second, and of the third."""
    async with staged() as stage:
        await stage.reconcile(broker(), depending("t", "u"), depending("u", "v"), trigger("v", URL))
        for name in ("t", "u", "v"):
            assert ("True", "") == ready(await stage.store.get(trigger_key(name)))


def depending(name: str, on: str) -> Object:
    text = f'{{"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "name": "{on}"}}'
    return trigger(name, URL, annotations={DEPENDENCY_ANNOTATION: text})


async def test_a_channel_that_is_being_deleted_has_no_channel_made_any_more() -> None:
    """Though somebody's finalizer still holds it: what it owned went first, and stays away."""
    async with staged() as stage, stage.following():
        held = channel("c")
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await stage.apply(held)
        await settle()
        await stage.store.delete(CHANNEL.key("default", "c"), propagation="Foreground")
        await settle()
        assert (await stage.store.get(CHANNEL.key("default", "c")))["metadata"]["deletionTimestamp"]
        assert await _is_gone(stage, IN_MEMORY_CHANNEL.key("default", "c"))


async def _is_gone(stage: Stage, key: Key) -> bool:
    try:
        await stage.store.get(key)
    except NotFound:
        return True
    return False


async def test_a_child_that_was_deleted_by_hand_is_made_again() -> None:
    async with staged() as stage, stage.following():
        await stage.apply(channel("c"), subscription("s", "c"))
        await settle()
        key = IN_MEMORY_CHANNEL.key("default", "c")
        first = await stage.store.get(key)
        await stage.delete(key)
        await settle()
        second = await stage.store.get(key)
        assert first["metadata"]["uid"] != second["metadata"]["uid"]
        assert first["spec"] == second["spec"]
        assert ["s"] == [*stage.controller.brokers[key].broker.triggers]


async def test_a_subscription_that_is_gone_at_a_restart_leaves_its_channel() -> None:
    """Nothing had to hold it back: who subscribes is who there is."""
    async with staged() as stage:
        await stage.reconcile(channel("c"), subscription("s", "c"), subscription("t", "c"))
        await stage.controller.close()
        await stage.delete(SUBSCRIPTION.key("default", "s"))
        restarted = stage.create_controller()
        await restarted.reconcile()
        item = await stage.store.get(IN_MEMORY_CHANNEL.key("default", "c"))
        assert ["t"] == [one["name"] for one in item["spec"]["subscribers"]]
        await restarted.close()


async def test_a_broker_that_is_gone_says_nothing_more() -> None:
    """Its Triggers do."""
    async with staged() as stage, stage.following():
        await stage.apply(broker(), trigger("t", URL))
        await settle()
        await stage.delete(broker_key())
        await settle()
        assert ("False", "BrokerDoesNotExist") == ready(await stage.store.get(trigger_key()))
