"""Which channel, store and limits a Broker gets from the server it is served by."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from channels.journal import Journal, JournalChannel, Retention
from channels.memory import MemoryChannel
from eventing.app.backend import create_backend
from eventing.backend.pool import BackendPool
from eventing.engine import Engines
from eventing.errors import ResolutionError
from eventing.resources import retention
from eventing.resources.admission import admit
from eventing.resources.broker import BROKER, Broker
from eventing.resources.engine import Journal as InJournal
from eventing.resources.engine import Memory
from eventing.resources.identity import Key
from eventing.resources.kind import Context
from eventing.settings import Settings
from tests.e2e.manifests import broker, trigger
from tests.eventing.stage import an_event, broker_key, config_map, staged, trigger_key

IN_MEMORY = "{apiVersion: messaging.knative.dev/v1, kind: InMemoryChannel}"


def engines_of(settings: Settings, journal: Journal | None = None) -> Engines:
    """Of a server that has no others."""
    return Engines(journal=journal, settings=settings, backends=BackendPool(partial(create_backend, settings)))


def view(**annotations: str) -> Broker:
    item = broker("b")
    item["metadata"] = {"name": "b", "namespace": "default", "annotations": annotations}
    return Broker.of(admit(BROKER.served, item, context=Context()).item)


async def test_a_memory_channel_holds_a_share_per_trigger_and_all_of_it_in_memory() -> None:
    """Nothing of it is parked for want of room: its window is its share."""
    settings = Settings(memory_events_max=100, memory_size_max_bytes=1000, memory_backlog_share=0.25)
    place = await engines_of(settings).create(Memory(), view())
    assert isinstance(place.channel, MemoryChannel)
    limits = place.limits
    assert (25, 250) == (limits.window_events_max, limits.window_size_max_bytes)
    assert (25, 250) == (limits.backlog_events_max, limits.backlog_size_max_bytes)


async def test_a_journal_channel_parks_as_much_as_there_is_room_for(tmp_path: Path) -> None:
    """A window in memory, and no bound beyond it but the journal's own."""
    settings = Settings(lane_window_events_max=7, lane_window_size_max_bytes=70, retention_age_s=5)
    async with Journal(tmp_path, size_max_bytes=2**20) as journal:
        engines = engines_of(settings, journal)
        place = await engines.create(InJournal(), view())
        assert isinstance(place.channel, JournalChannel)
        assert place.dead_letters is journal.dead_letters
        limits = place.limits
        assert (7, 70, None, None) == (
            limits.window_events_max,
            limits.window_size_max_bytes,
            limits.backlog_events_max,
            limits.backlog_size_max_bytes,
        )
        assert Retention(5.0, 0) == place.channel.retention
        engines.update(place, InJournal(), view(**{"eventing.dev/retention": "PT1H,1Ki"}))
        assert Retention(3600.0, 1024) == place.channel.retention


async def test_without_a_journal_a_broker_that_asks_for_one_is_told() -> None:
    """In the words of a condition, and with what to do."""
    with pytest.raises(ResolutionError, match="EVENTING_DEFAULT_CHANNEL=journal"):
        await engines_of(Settings()).create(InJournal(), view())


async def test_the_lowest_concurrency_is_never_above_the_highest() -> None:
    """However the two are set."""
    settings = Settings(lane_concurrency_min=8, lane_concurrency_max=2)
    limits = (await engines_of(settings).create(Memory(), view())).limits
    assert (2, 2) == (limits.concurrency_min, limits.concurrency_max)


async def test_brokers_of_both_engines_live_side_by_side(tmp_path: Path) -> None:
    """Each says which one it has."""
    async with staged(data_dir=tmp_path) as stage:
        fast = broker("fast")
        fast["spec"] = {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "memory"}}
        await stage.reconcile(config_map("memory", **{"channel-template-spec": IN_MEMORY}), broker("b"), fast)
        engines = {name: stage.controller.brokers[broker_key(name)].engine.name for name in ("b", "fast")}
        assert {"b": "journal", "fast": "memory"} == engines


@dataclass(frozen=True)
class ChannelView:
    """Of a Channel, as an engine sees one."""

    key: Key
    retention: Any = None


async def test_a_channel_and_a_broker_of_one_name_rest_apart(tmp_path: Path) -> None:
    """And a channel's events go with it, and nobody else's."""
    channel = ChannelView(Key("messaging.knative.dev", "JournalChannel", "default", "b"), retention.Retention(5.0))
    async with Journal(tmp_path, size_max_bytes=2**20) as journal:
        engines = engines_of(Settings(), journal)
        places = [await engines.create(InJournal(), owner) for owner in (view(), channel)]
        for number, place in enumerate(places, 1):
            async with place.channel as opened, opened.subscribe("g"):
                await opened.publish([an_event(str(number))] * number)
                assert number == opened.statistics().stored
        assert isinstance(places[1].channel, JournalChannel)
        assert Retention(5.0, 0) == places[1].channel.retention
        await engines.drop(InJournal(), channel.key)
        left = []
        for owner in (view(), channel):
            async with (await engines.create(InJournal(), owner)).channel as opened:
                left.append(opened.statistics().stored)
        assert [1, 0] == left


async def test_a_deleted_brokers_events_are_not_its_successors(tmp_path: Path) -> None:
    """One that is deleted takes its events along; one that is only absent for a while does not."""
    async with staged(data_dir=tmp_path) as stage:
        paused = trigger("t", "http://sink.test")
        paused["metadata"]["annotations"] = {"eventing.dev/paused": "true"}
        await stage.reconcile(broker("b"), paused)
        await stage.publish("1", "2")
    async with staged(data_dir=tmp_path) as stage:
        await stage.reconcile(broker("b"), paused)
        channel = stage.broker().channel
        assert channel is not None
        assert 2 == channel.statistics().events
        await stage.delete(broker_key(), trigger_key())
        await stage.controller.reconcile()
        await stage.reconcile(broker("b"), paused)
        channel = stage.broker().channel
        assert channel is not None
        assert 0 == channel.statistics().events
