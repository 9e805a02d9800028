"""The controller that follows the store ends where one that reads everything would, and is never caught half-way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.tasks import supervise
from eventing.errors import NotFound
from eventing.reconcilers.controller import Controller
from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.identity import GroupKind, Key, Object
from eventing.resources.service import SERVICE
from eventing.settings import Settings
from eventing.store.contract import Change, Listing
from tests.e2e.manifests import broker, broker_ref, trigger
from tests.eventing.stage import (
    Stage,
    broker_key,
    eventually,
    service,
    service_ref,
    settle,
    staged,
    trigger_key,
)
from tests.eventing.store.memory_store import MemoryStore

URL = "http://127.0.0.1:9/"


class _Counting(MemoryStore):
    """Counts how often it was read as a whole, and can break off the watches it has handed out, or end them."""

    lists = 0
    crash: Exception | None = None
    ends = False

    async def list(self, group_kind: GroupKind, namespace: str | None = None) -> Listing:
        self.lists += 1
        return await super().list(group_kind, namespace)

    @asynccontextmanager
    async def watch(
        self, group_kind: GroupKind | None = None, *, namespace: str | None = None, since: str | None = None
    ) -> AsyncIterator[AsyncIterator[Change]]:
        async with super().watch(group_kind, namespace=namespace, since=since) as changes:
            yield self._until_crash(changes)

    async def _until_crash(self, changes: AsyncIterator[Change]) -> AsyncIterator[Change]:
        async for change in changes:
            if self.crash is not None:
                error, self.crash = self.crash, None
                raise error
            yield change
            if self.ends:
                return


async def test_what_changes_is_followed() -> None:
    """Added, changed and deleted; what one looked at counts as one's own change."""
    async with staged() as stage:
        await stage.reconcile(broker())
        async with stage.following():
            await stage.apply(trigger("t", service_ref("s")), trigger("u", URL))
            await settle()
            assert ["u"] == [*stage.broker().triggers]
            await stage.apply(service("s", "sink.test"))
            await settle()
            assert (True, "", "") == stage.why()
            await stage.delete(trigger_key("u"))
            await settle()
            assert ["t"] == [*stage.broker().triggers]
            await stage.delete(broker_key())
            await settle()
            assert (False, "BrokerDoesNotExist") == stage.why()[:2]
            assert {} == stage.intake.routes


async def test_nothing_is_missed_between_the_first_reading_and_the_watch() -> None:
    async with staged() as stage:
        await stage.reconcile(broker())
        await stage.apply(trigger("t", URL))
        async with stage.following():
            assert ["t"] == [*stage.broker().triggers]


async def test_a_change_does_not_have_everything_read_again() -> None:
    store = _Counting()
    stage = Stage(store, Settings(default_channel="memory"))
    await stage.controller.reconcile()
    async with stage.following():
        read_once = len([*stage.catalogue]) - 1  # Events concern nobody
        await stage.apply(broker(), trigger("t", URL), trigger("u", URL))
        await settle()
        spec = stage.trigger("u").spec
        await stage.apply(trigger("t", URL, retry=3))
        await settle()
        assert 3 == stage.trigger().spec.policy.retry
        assert spec is stage.trigger("u").spec
        assert read_once == store.lists
    await stage.controller.close()


@pytest.mark.parametrize("pause", [False, True])
async def test_changes_that_come_together_are_judged_by_together(pause: bool) -> None:
    """Two Triggers swap their filters: at no turn of the loop have both the same, however the writer takes turns."""
    fillers = [trigger(f"filler-{n}", URL, filters=[{"exact": {"type": f"other-{n}"}}]) for n in range(200)]

    def pair(left: str, right: str) -> list[Object]:
        types = {"left": left, "right": right}
        return [trigger(name, URL, filters=[{"exact": {"type": kind}}]) for name, kind in types.items()]

    def judged_by() -> list[tuple[tuple[str, str], ...]]:
        return [stage.trigger(name).spec.predicate.equalities() for name in ("left", "right")]

    async with staged() as stage:
        await stage.reconcile(broker(), *pair("a", "b"), *fillers)
        before = judged_by()
        async with stage.following():
            first, last = pair("b", "a")
            changes = [first, *(trigger(f"filler-{n}", URL, retry=1) for n in range(200)), last]
            for change in changes:
                await stage.apply(change)
                if pause:
                    await asyncio.sleep(0)
                    assert judged_by() == before
            seen = [before]
            for _ in range(60):
                await asyncio.sleep(0)
                if seen[-1] != judged_by():
                    seen.append(judged_by())
            assert [before, before[::-1]] == seen


async def test_a_reader_that_fell_behind_reads_everything_again() -> None:
    async with staged(changes_max=3) as stage, stage.following():
        await stage.apply(broker(), *(trigger(f"t{n}", URL) for n in range(10)))
        await settle()
        assert 10 == len(stage.broker().triggers)
        await stage.apply(trigger("t0", URL, retry=5))
        await settle()
        assert 5 == stage.trigger("t0").spec.policy.retry


async def test_after_a_crash_everything_is_read_again(caplog: pytest.LogCaptureFixture) -> None:
    """The change that was in hand when it crashed is not lost."""
    store = _Counting()
    stage = Stage(store, Settings(default_channel="memory"))
    task = asyncio.create_task(supervise("controller", stage.controller.run))
    await settle()
    store.crash = OSError("the connection to the store broke")
    await stage.apply(broker(), trigger("t", URL))
    await eventually(lambda: stage.controller.triggers)
    assert ["t"] == [*stage.broker().triggers]
    assert "controller crashed" in caplog.text
    task.cancel()
    await asyncio.wait([task])
    await stage.controller.close()


async def test_a_watch_that_ends_is_begun_again() -> None:
    store = _Counting()
    stage = Stage(store, Settings(default_channel="memory"))
    async with stage.following():
        store.ends = True
        await stage.apply(broker(), trigger("t", URL))
        await settle()
        assert ["t"] == [*stage.broker().triggers]
        await stage.apply(trigger("t", URL, retry=6))
        await settle()
        assert 6 == stage.trigger().spec.policy.retry
    await stage.controller.close()


Step = tuple[Literal["broker", "trigger", "service"], str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["broker", "trigger", "service"]), st.sampled_from("ab"), st.integers(min_value=0, max_value=4)
    ),
    max_size=12,
)


def _wanted(kind: str, name: str, variant: int) -> Object | None:
    """What a step makes of a resource; None deletes it."""
    if variant == 0:
        return None
    if kind == "service":
        return service(name, f"sink-{variant}.test")
    if kind == "broker":
        return broker(name, retry=variant)
    subscribers: list[Any] = [URL, service_ref("a"), service_ref("b"), broker_ref("b")]
    return trigger(name, subscribers[variant - 1], of=name)


async def _take(stage: Stage, step: Step) -> None:
    kind, name, variant = step
    item = _wanted(kind, name, variant)
    if item is not None:
        await stage.apply(item)
        return
    keys = {"broker": broker_key(name), "trigger": trigger_key(name), "service": SERVICE.key("default", name)}
    try:
        await stage.delete(keys[kind])
    except NotFound:
        return


def _said(controller: Controller) -> Any:
    """Everything that can be told of the world, but for what only a history explains: lanes that were kept."""
    ready = {
        (str(key), name): (trigger.lane.sink.uri, trigger.spec.policy)
        for key, served in controller.brokers.items()
        for name, trigger in served.broker.triggers.items()
        if controller.triggers[trigger_key(name)].readiness.ready
    }
    states = {
        str(key): (one.readiness, one.subscriber_uri, str(one.broker)) for key, one in controller.triggers.items()
    }
    brokers = {str(key): (one.readiness, one.view.delivery) for key, one in controller.brokers.items()}
    return ready, states, brokers


@given(STEPS, st.integers(min_value=1, max_value=4))
@settings(max_examples=60, deadline=None)
def test_following_ends_where_reading_everything_would(steps: list[Step], together: int) -> None:
    """Level-based: whatever happened, in whatever bursts, only what is counts."""

    async def play() -> None:
        async with staged() as stage, stage.following():
            for number, step in enumerate(steps):
                await _take(stage, step)
                if number % together == 0:
                    await settle()
            await settle()
            followed, routes = _said(stage.controller), stage.intake.routes.keys()
            other = stage.create_controller()
            await other.reconcile()
            assert _said(other) == followed
            assert routes == stage.intake.routes.keys()
            await other.close()

    asyncio.run(play())


async def test_an_event_type_that_is_gone_is_told_of() -> None:
    """Whether its deletion was followed, or happened while nobody followed."""
    async with staged() as stage:
        gone: list[Key] = []
        stage.controller = stage.create_controller(forget_type=gone.append)
        version = {"apiVersion": "eventing.knative.dev/v1beta2", "kind": "EventType"}
        for name in ("followed", "missed"):
            await stage.apply({**version, "metadata": {"name": name}, "spec": {"type": "order"}})
        followed, missed = (EVENT_TYPE.key("default", name) for name in ("followed", "missed"))
        async with stage.following():
            await stage.delete(followed)
            await eventually(lambda: gone == [followed])
        await stage.delete(missed)
        await stage.reconcile()
        assert [followed, missed] == gone
        await stage.controller.close()
