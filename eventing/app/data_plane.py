"""The data plane: the ingress' state, channels, lanes, connections to sinks, and the controller that makes them be."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import Final

from channels.dead_letter import DeadLetters
from channels.journal import Journal
from dispatcher.redrive import Redriver
from dispatcher.sink import Pools
from dispatcher.tasks import every
from eventing.app.backend import create_backend
from eventing.app.bound import pool_limits
from eventing.app.resource_side import ResourceSide
from eventing.backend.pool import BackendPool
from eventing.dead_letter_office import DeadLetterOffice
from eventing.engine import OWN_STORES, Engines
from eventing.ingress.intake import Intake
from eventing.overview import Overview, find_trigger
from eventing.pen import Pen
from eventing.reconcilers.controller import Controller
from eventing.reconcilers.event_type_maker import EventTypeMaker
from eventing.reconcilers.plane import Plane
from eventing.reconcilers.recorder import SWEEP_INTERVAL_S, Recorder
from eventing.settings import Settings
from eventing.store.sql import timestamp

SINK_SWEEP_INTERVAL_S: Final = 0.05
"""How exactly timeouts of attempts are kept."""
CHANNELS_WAIT_MAX_S: Final = 3.0
"""How long the doors stay closed for channels on servers: those that are there are open by then, others open later."""
CHANNEL_HEALTH_INTERVAL_S: Final = 1.0
"""How often channels on servers are looked at, whether they have failed or healed."""


class ChannelHealth:
    """Looks at channels on servers, and has redrives go on whose store came back with one."""

    def __init__(self, plane: Plane, redriver: Redriver, stores: Mapping[str, DeadLetters]) -> None:
        self._plane = plane
        self._redriver = redriver
        self._stores = stores
        self._seen: tuple[frozenset[str], int] = (frozenset(), 0)

    def look(self) -> None:
        """Once more."""
        self._plane.inspect()
        seen = (frozenset(self._stores), self._plane.opened)
        if seen != self._seen:
            self._seen = seen
            self._redriver.wake()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlane:
    """What events pass through, and who makes it what the resources say."""

    intake: Intake
    pools: Pools
    engines: Engines
    controller: Controller
    redriver: Redriver
    recorder: Recorder
    maker: EventTypeMaker
    health: "ChannelHealth"

    @property
    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What every process runs from before the first request until after the last."""
        return {
            "controller": self.controller.run,
            "channels": self.controller.attend,
            "channel health": lambda: every(CHANNEL_HEALTH_INTERVAL_S, self.health.look),
            "sink sweep": lambda: every(SINK_SWEEP_INTERVAL_S, self.pools.sweep),
            "event types": lambda: self.maker.run(self.controller.get),
        }

    @property
    def writing_loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What a process runs that may have the pen."""
        return {
            "recorder": self.recorder.run,
            "event sweep": lambda: every(SWEEP_INTERVAL_S, self.recorder.sweep),
            "event types of others": self.maker.run_heard,
        }

    @property
    def overview(self) -> Overview:
        """The answers to an operator's questions about it."""
        office = DeadLetterOffice(self.engines.dead_letters, self.redriver, plain=OWN_STORES)
        journal = self.engines.journal
        return Overview(controller=self.controller, intake=self.intake, journal=journal, dead_letters=office)


async def open_data_plane(
    stack: AsyncExitStack,
    settings: Settings,
    resources: ResourceSide,
    *,
    intake: Intake,
    base_url: str,
    pen: Pen | None = None,
    reads: bool = True,
    looked: Callable[[], None] = lambda: None,
    may_drop: Callable[[], Awaitable[bool]] | None = None,
) -> DataPlane:
    """Everything closed and empty: the controller opens and fills it. Raises what the journal does.

    Without a pen this process writes statuses; unless it `reads`, its Brokers only publish. `looked` is called whenever
    something changed, and `may_drop` before anything is dropped on a server.
    """
    pen = pen or Pen(resources.store)
    pools = stack.enter_context(closing(Pools(pool_limits(settings))))
    journal = await _open_journal(stack, settings)
    backends = BackendPool(partial(create_backend, settings))
    engines = Engines(journal=journal, settings=settings, backends=backends, may_drop=may_drop)
    stack.push_async_callback(engines.close)
    recorder, maker = Recorder(pen, timestamp), EventTypeMaker(pen, resources.store.say)
    controller = Controller(
        store=resources.store,
        catalogue=resources.catalogue,
        pools=pools,
        engines=engines,
        intake=intake,
        settings=settings,
        base_url=base_url,
        clock=timestamp,
        barrier=resources.barrier,
        tell=recorder.tell,
        sightings_of=maker.sightings_of if settings.event_type_auto_create else lambda _: None,
        forget_type=maker.forget,
        pen=pen,
        looked=looked,
        reads=reads,
    )
    stack.push_async_callback(controller.close)
    intake.fault = lambda: controller.plane.fault if journal is None else journal.fault or controller.plane.fault
    redriver = Redriver(partial(find_trigger, controller), engines.dead_letters)
    return DataPlane(
        intake=intake,
        pools=pools,
        engines=engines,
        controller=controller,
        redriver=redriver,
        recorder=recorder,
        maker=maker,
        health=ChannelHealth(controller.plane, redriver, engines.dead_letters),
    )


async def _open_journal(stack: AsyncExitStack, settings: Settings) -> Journal | None:
    """The journal, where the server is to have one. While it cannot store, the server is not ready."""
    if settings.default_channel != "journal":
        return None
    return await stack.enter_async_context(Journal(settings.data_dir, size_max_bytes=settings.journal_size_max_bytes))
