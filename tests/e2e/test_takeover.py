"""Two dispatchers of one Broker, on either server, of which one dies or stands still with work in its hands."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.e2e.load import CONCURRENCY, DELAY_S, Load, in_doubt
from tests.e2e.manifests import broker, trigger
from tests.e2e.member import Member, prepare
from tests.e2e.process import Sink, running, wait_until
from tests.rig.child import free_port
from tests.rig.postgres import Postgres

pytestmark = pytest.mark.usefixtures("shared")

SENDERS: Final = 3
"""So many send more than both can deliver: each has something waiting."""
DELIVERED: Final = "eventing_trigger_delivered_events_total"
CEDED: Final = "eventing_trigger_ceded_events_total"
WAITS: Final = 'trigger="waits"'
ADOPTED: Final = "eventing_trigger_adopted_events_total"


class Plant(NamedTuple):
    """What works in each of these tests."""

    ingress: Member
    first: Member
    second: Member
    sink: Sink

    @property
    def repeats(self) -> int:
        """Deliveries beyond the first of each event."""
        return len(self.sink.ids) - len(set(self.sink.ids))

    def wait_shared(self) -> None:
        """Until both dispatchers deliver."""
        for one in (self.first, self.second):
            before = one.metric(DELIVERED, 'trigger="t"')
            wait_until(lambda one=one, before=before: one.metric(DELIVERED, 'trigger="t"') > before + 50, "it delivers")


@contextmanager
def working(folder: Path, postgres: Postgres, away: str) -> Iterator[Plant]:
    """The Trigger `t` has a slow sink, the Trigger `waits` one that is away, so that all of its events are parked."""
    url = prepare(folder, postgres)
    sink = Sink(folder, "sink", "--delay", str(DELAY_S))
    environment = {"EVENTING_LANE_CONCURRENCY_MAX": str(CONCURRENCY)}
    controller = Member(folder, "controller", url, "--role", "controller")
    ingress = Member(folder, "ingress", url, "--role", "ingress")
    first, second = (
        Member(folder, name, url, "--role", "dispatcher", environment=environment) for name in ("first", "second")
    )
    with running(controller, ingress, first, second, sink):
        for one in (controller, ingress, first, second):
            one.wait_ready()
        controller.apply(broker())
        controller.apply(trigger("t", sink.url))
        controller.apply(trigger("waits", away, retry=100, backoffPolicy="linear", backoffDelay="PT0.2S"))
        for name in ("t", "waits"):
            wait_until(lambda name=name: controller.ready("triggers", name).get("status") == "True", "it is ready")
        yield Plant(ingress, first, second, sink)


def test_what_a_killed_dispatcher_held_goes_to_the_other(tmp_path: Path, postgres: Postgres) -> None:
    """What it had read, and what it had parked for a retry. Nothing is lost; twice comes at most what was in flight, or
    just settled.
    """
    port = free_port()
    with working(tmp_path, postgres, f"http://127.0.0.1:{port}/") as plant:
        with Load(plant.ingress, senders=SENDERS) as load:
            plant.wait_shared()
            wait_until(lambda: plant.first.metric("eventing_trigger_parked_events", WAITS), "it has parked")
            adopted = plant.second.metric(ADOPTED, WAITS)
            plant.first.kill()
            wait_until(lambda: plant.second.metric(ADOPTED, WAITS) > adopted, "what was parked moves")
        wait_until(lambda: set(load.accepted) <= set(plant.sink.ids), "all have arrived", 60)
        back = Sink(tmp_path, "back", "--port", str(port))
        with running(back):
            wait_until(lambda: set(load.accepted) <= set(back.ids), "what had been parked has arrived", 60)
        assert plant.repeats <= in_doubt(load)
        assert 0 == plant.second.metric("eventing_trigger_unbalanced_events")
        assert "crashed" not in plant.second.err


def test_a_dispatcher_that_stood_still_comes_back_without_its_work(tmp_path: Path, postgres: Postgres) -> None:
    """The other one has it. What it settles of that counts for nothing, and it takes its share of what comes."""
    with working(tmp_path, postgres, f"http://127.0.0.1:{free_port()}/") as plant:
        with Load(plant.ingress, senders=SENDERS) as load:
            plant.wait_shared()
            adopted, ceded = (one.metric(name, WAITS) for one, name in ((plant.second, ADOPTED), (plant.first, CEDED)))
            plant.first.signal(signal.SIGSTOP)
            wait_until(lambda: plant.second.metric(ADOPTED, WAITS) > adopted, "its work moves")
            held = set(load.accepted)
            wait_until(lambda: held <= set(plant.sink.ids), "what it had has arrived")
            plant.first.signal(signal.SIGCONT)
            wait_until(lambda: plant.first.metric(CEDED, WAITS) > ceded, "it has found out")
            plant.wait_shared()
            again = len(load.accepted)
            plant.wait_shared()
        wait_until(lambda: set(load.accepted) <= set(plant.sink.ids), "all have arrived", 60)
        assert plant.repeats <= in_doubt(load)
        assert [] == [one for one in load.accepted[again:] if plant.sink.ids.count(one) > 1]
        for one in (plant.first, plant.second):
            assert 0 == one.metric("eventing_trigger_unbalanced_events")
            assert "crashed" not in one.err
