"""A controller without the pen: it makes at work what the resources say, and leaves the store alone."""

import pytest

from eventing.errors import LeaseLost
from eventing.pen import Pen
from eventing.reconcilers.turn import Occurrence
from eventing.resources.identity import Object
from eventing.settings import Settings
from eventing.store.contract import Written
from tests.e2e.manifests import broker, broker_ref, trigger
from tests.eventing.stage import Stage, broker_key, eventually, trigger_key
from tests.eventing.store.memory_store import MemoryStore

URL = "http://127.0.0.1:9/"


class _Fenced(MemoryStore):
    """Refuses statuses of who lost the lease."""

    is_lost = False

    async def update_statuses(self, items: "list[Object]") -> Written:  # type: ignore[override]
        if self.is_lost:
            raise LeaseLost("it is another's")
        return await super().update_statuses(items)


async def test_it_serves_and_writes_nothing() -> None:
    """A Broker that another process made takes events and its new Trigger has a lane, though nobody says so; nothing is
    told either.
    """
    store, told = MemoryStore(), list[Occurrence]()
    stage = Stage(store, Settings(default_channel="memory"))
    await stage.reconcile(broker())
    await stage.controller.close()
    stage.controller = stage.create_controller(told.append, pen=Pen())
    await stage.apply(trigger("t", URL), trigger("lost", broker_ref("none")))
    before = await store.version()
    await stage.controller.reconcile()
    assert before == await store.version()
    assert stage.trigger().lane is not None
    assert [] == told
    await stage.controller.close()


async def test_what_nobody_has_made_is_not_opened() -> None:
    """What another Broker of its name left may not be gone: who has the pen sees to that first."""
    stage = Stage(MemoryStore(), Settings(default_channel="memory"))
    stage.controller = stage.create_controller(pen=Pen())
    await stage.reconcile(broker())
    assert stage.broker().channel is None
    assert "made by a controller" in stage.broker().unready
    await stage.controller.close()


async def test_with_the_pen_it_writes_what_it_had_only_seen() -> None:
    """A standby that takes over looks at everything once more."""
    store, pen = MemoryStore(), Pen()
    stage = Stage(store, Settings(default_channel="memory"))
    stage.controller = stage.create_controller(pen=pen)
    await stage.reconcile(broker(), trigger("t", URL))
    assert "status" not in await store.get(trigger_key())
    pen.store = store
    await stage.controller.reconcile()
    for key in (broker_key(), trigger_key()):
        assert (await store.get(key))["status"]["conditions"]
    await stage.controller.close()


async def test_a_pen_that_is_another_processs_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """What was found and not written is forgotten: what counts is what the other one writes. It goes on looking."""
    caplog.set_level("INFO")
    store = _Fenced()
    pen = Pen(store)
    stage = Stage(store, Settings(default_channel="memory"))
    stage.controller = stage.create_controller(pen=pen)
    await stage.reconcile(broker())
    async with stage.following():
        store.is_lost = True
        await stage.apply(trigger("t", URL))
        await eventually(lambda: pen.store is None)
        assert "another process's to write" in caplog.text
        assert "crashed" not in caplog.text
        await stage.apply(trigger("u", URL))
        await eventually(lambda: "u" in stage.broker().triggers)
        seen = stage.controller.get(trigger_key())
        assert seen is not None
        assert "status" not in seen
    await stage.controller.close()


async def test_it_tells_that_it_looked_and_what_there_is() -> None:
    """For whoever runs what resources say beside it."""
    looks = list[int]()
    store = MemoryStore()
    stage = Stage(store, Settings(default_channel="memory"))
    stage.controller = stage.create_controller(looked=lambda: looks.append(1))
    await stage.reconcile(broker(), trigger("t", URL))
    await stage.controller.wait_seen()
    assert looks
    names = [item["metadata"]["name"] for item in stage.controller.find({trigger_key().group_kind})]
    assert ["t"] == names
    assert [] == stage.controller.find(())
    await stage.controller.close()
