"""Events on their way through processes with roles, on either server: whatever dies, they arrive."""

import signal
import time
from pathlib import Path

import httpx2
import pytest

from eventing.resources.trigger_manner import PAUSED_ANNOTATION
from tests.e2e.conftest import Shared
from tests.e2e.load import CONCURRENCY, DELAY_S, Load, in_doubt, post
from tests.e2e.manifests import broker, trigger
from tests.e2e.member import LEASE_S, Member, holder, prepare
from tests.e2e.process import Sink, running, wait_until
from tests.rig.postgres import Postgres

pytestmark = pytest.mark.usefixtures("shared")


def test_an_outage_of_the_database_changes_nothing_at_work(tmp_path: Path, postgres: Postgres) -> None:
    """Processes stay ready, know what they knew, say little, and follow again when it is back."""
    url = prepare(tmp_path, postgres)
    controller = Member(tmp_path, "controller", url, "--role", "controller")
    ingress = Member(tmp_path, "ingress", url, "--role", "ingress")
    with running(controller, ingress):
        controller.wait_ready()
        controller.apply(broker("before"))
        wait_until(lambda: post(ingress, "1", of="before") == 202, "the Broker takes events")
        postgres.kill()
        try:
            wait_until(lambda: "is away" in ingress.err, "the outage is noticed")
            time.sleep(2 * LEASE_S)  # longer than any lease lasts
            assert 200 == ingress.health("/readyz")[0]
            assert 202 == post(ingress, "2", of="before")
        finally:
            postgres.start()
        wait_until(lambda: holder(postgres, "controller"), "somebody rules again")
        controller.apply(broker("after"))
        wait_until(lambda: post(ingress, "3", of="after") == 202, "new Brokers arrive again")
        wait_until(lambda: controller.ready("brokers", "after"), "statuses are written again")
        assert "crashed" not in controller.err + ingress.err


def test_events_go_their_way_whatever_dies(tmp_path: Path, postgres: Postgres) -> None:
    """Taken by two ingresses, delivered by two dispatchers. A Trigger lives within a second; nothing is lost when a
    dispatcher is killed, and when the database goes and comes back; what comes twice is what the killed one had in
    flight, and what it had just settled.
    """
    url = prepare(tmp_path, postgres)
    sink, late = Sink(tmp_path, "sink", "--delay", str(DELAY_S)), Sink(tmp_path, "late")
    bound = {"EVENTING_LANE_CONCURRENCY_MAX": str(CONCURRENCY)}
    controller = Member(tmp_path, "controller", url, "--role", "controller")
    ingresses = [Member(tmp_path, f"ingress-{n}", url, "--role", "ingress") for n in (1, 2)]
    dispatchers = [Member(tmp_path, f"dispatcher-{n}", url, "--role", "dispatcher", environment=bound) for n in (1, 2)]
    with running(controller, *ingresses, *dispatchers, sink, late):
        for one in (controller, *ingresses, *dispatchers):
            one.wait_ready()
        controller.apply(broker())
        controller.apply(trigger("t", sink.url))
        wait_until(lambda: controller.ready("triggers", "t").get("status") == "True", "the Trigger is ready")
        with Load(*ingresses) as load:
            wait_until(lambda: len(sink.ids) > 100, "events arrive")
            controller.apply(trigger("late", late.url))
            began = time.monotonic()
            wait_until(lambda: late.ids, "the new Trigger has events")
            assert time.monotonic() - began < 1
            held_by_it, per_s = dispatchers[0].held, load.per_s
            dispatchers[0].kill()
            held = len(sink.ids)
            wait_until(lambda: len(sink.ids) > held + 100, "the other dispatcher delivers")
            postgres.stop()
            try:
                held = len(sink.ids)
                wait_until(lambda: len(sink.ids) > held + 100, "events flow without the database")
            finally:
                postgres.start()
            held = len(sink.ids)
            wait_until(lambda: len(sink.ids) > held + 100, "events flow")
        wait_until(lambda: set(load.accepted) <= set(sink.ids), "all have arrived", 60)
        assert 0 == dispatchers[1].stop(), dispatchers[1].err
        assert len(sink.ids) - len(set(sink.ids)) <= in_doubt(load, held_by_it, per_s)


def test_an_ingress_that_slept_through_a_deletion_drops_nothing(
    tmp_path: Path, postgres: Postgres, shared: Shared
) -> None:
    """What a Broker left goes with it, by the controller alone: another Broker of its name keeps its events."""
    url = prepare(tmp_path, postgres)
    sink = Sink(tmp_path, "sink")
    controller = Member(tmp_path, "controller", url, "--role", "controller")
    awake, sleeper = (Member(tmp_path, name, url, "--role", "ingress") for name in ("awake", "sleeper"))
    dispatcher = Member(tmp_path, "dispatcher", url, "--role", "dispatcher")
    left = {"redis": "default/b", "kafka": "knative-broker-default-b"}[shared.channel]

    with running(controller, awake, sleeper, dispatcher, sink):
        controller.apply(broker())
        for ingress in (awake, sleeper):
            wait_until(lambda one=ingress: post(one, "old") == 202, "the first Broker takes events")
        sleeper.signal(signal.SIGSTOP)
        path = f"{controller.api_url}/apis/eventing.knative.dev/v1/namespaces/default/brokers/b"
        assert 200 == httpx2.delete(path).status_code
        wait_until(lambda: not any(left in name for name in shared.names()), "what it left is gone", 40)
        controller.apply(broker())
        controller.apply(trigger("t", sink.url, annotations={PAUSED_ANNOTATION: "true"}))
        wait_until(lambda: controller.ready("triggers", "t").get("status") == "True", "the Trigger is ready")
        wait_until(lambda: post(awake, "0") == 202, "the second Broker takes events")
        assert all(post(awake, f"{number}") == 202 for number in range(1, 5))
        sleeper.signal(signal.SIGCONT)
        wait_until(lambda: post(sleeper, "5") == 202, "the sleeper knows the second Broker")
        httpx2.post(f"{controller.api_url}/ops/v1/triggers/default/t/resume").raise_for_status()
        wait_until(lambda: {f"{number}" for number in range(6)} <= set(sink.ids), "all of its events are there")


def test_event_types_of_what_passes_an_ingress_are_made(tmp_path: Path, postgres: Postgres) -> None:
    """By the controller, which the ingress tells."""
    url = prepare(tmp_path, postgres)
    controller = Member(tmp_path, "controller", url, "--role", "controller")
    ingress = Member(tmp_path, "ingress", url, "--role", "ingress")
    with running(controller, ingress):
        controller.wait_ready()
        ingress.wait_ready()
        controller.apply(broker())
        wait_until(lambda: post(ingress, "1") == 202, "it is taken")
        types = f"{controller.api_url}/apis/eventing.knative.dev/v1beta3/namespaces/default/eventtypes"
        wait_until(lambda: httpx2.get(types).json()["items"], "an EventType is made")
