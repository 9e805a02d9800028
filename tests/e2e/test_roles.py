"""Processes with roles over one PostgreSQL: what each opens, who writes, who takes over, and what an outage does."""

import itertools
import signal
import threading
import time
from pathlib import Path
from typing import Self

import httpx2
import pytest

from eventing.resources.trigger_manner import PAUSED_ANNOTATION
from tests.e2e.manifests import broker, to_yaml, trigger
from tests.e2e.member import LEASE_S, Member, prepare
from tests.e2e.process import Process, Sink, running, wait_until
from tests.rig.postgres import Postgres
from tests.rig.redis import Redis

pytestmark = pytest.mark.usefixtures("redis_server")


def holder(postgres: Postgres, name: str) -> str:
    """Who has that lease at this moment, as the process calls itself; empty for nobody."""
    query = (
        "SELECT holder FROM leases WHERE name = '{}' AND expires_at_ms > extract(epoch FROM clock_timestamp()) * 1000"
    )
    return postgres.query("roles", query.format(name)).partition("@")[0]


def named(name: str) -> dict[str, str]:
    return {"EVENTING_PROCESS_NAME": name}


def test_each_role_opens_its_doors_and_no_others(tmp_path: Path, postgres: Postgres) -> None:
    """Health and metrics are told by all."""
    url = prepare(tmp_path, postgres)
    doors = {"ingress": ["events", "health"], "controller": ["api", "health"]}
    members = [
        Member(tmp_path, role, url, "--role", role) for role in ("ingress", "dispatcher", "controller", "sources")
    ]
    with running(*members):
        for member, role in zip(members, ("ingress", "dispatcher", "controller", "sources"), strict=True):
            member.wait_ready()
            wait_until(lambda one=member: "health" in one.out, "the doors are told")
            assert doors.get(role, ["health"]) == [line.split()[0] for line in member.out.splitlines()]
            assert (200, "ok") == member.health("/healthz")
            status, text = member.health("/metrics")
            assert 200 == status
            assert "eventing_" in text
            assert 404 == member.health("/ops/v1/brokers")[0]
        assert 404 == httpx2.post(f"{members[0].events_url}/default/none").status_code
        for member in members:
            assert 0 == member.stop(), member.err


def test_what_is_told_to_the_api_is_in_all_processes_at_once(tmp_path: Path, postgres: Postgres) -> None:
    """Within a second."""
    url = prepare(tmp_path, postgres)
    controller = Member(tmp_path, "controller", url, "--role", "controller")
    ingress = Member(tmp_path, "ingress", url, "--role", "ingress")
    with running(controller, ingress):
        controller.wait_ready()
        where = f"{ingress.events_url}/default/b"
        assert 404 == httpx2.post(where).status_code
        controller.apply(broker())
        began = time.monotonic()
        wait_until(lambda: httpx2.post(where).status_code != 404, "the ingress knows the Broker")
        assert time.monotonic() - began < 1


def test_another_controller_takes_over_from_one_that_is_killed(tmp_path: Path, postgres: Postgres) -> None:
    """Within the lease's time, and it writes statuses from then on."""
    url = prepare(tmp_path, postgres)
    first = Member(tmp_path, "first", url, "--role", "controller", environment=named("first"))
    first.wait_ready()
    wait_until(lambda: "first" == holder(postgres, "controller"), "the first one rules")
    second = Member(tmp_path, "second", url, "--role", "controller", environment=named("second"))
    with running(first, second):
        second.wait_ready()
        second.apply(broker("before"))
        wait_until(lambda: second.ready("brokers", "before"), "the first one writes what the second one was told")
        assert "first" == holder(postgres, "controller")
        first.kill()
        killed = time.monotonic()
        wait_until(lambda: "second" == holder(postgres, "controller"), "the second one rules")
        assert time.monotonic() - killed < LEASE_S + 1
        second.apply(broker("after"))
        wait_until(lambda: second.ready("brokers", "after"), "it writes")


def test_a_controller_that_stops_hands_over_at_once(tmp_path: Path, postgres: Postgres) -> None:
    url = prepare(tmp_path, postgres)
    long = {"EVENTING_LEASE_DURATION_S": "60"}
    first = Member(tmp_path, "first", url, "--role", "controller", environment=named("first") | long)
    first.wait_ready()
    wait_until(lambda: "first" == holder(postgres, "controller"), "the first one rules")
    with running(first):
        assert 0 == first.stop()
        assert "" == holder(postgres, "controller")


def test_a_controller_that_stood_still_comes_back_fenced(tmp_path: Path, postgres: Postgres) -> None:
    """It learns that another one rules, and writes nothing over what that one wrote."""
    url = prepare(tmp_path, postgres)
    first = Member(tmp_path, "first", url, "--role", "controller", environment=named("first"))
    first.wait_ready()
    wait_until(lambda: "first" == holder(postgres, "controller"), "the first one rules")
    second = Member(tmp_path, "second", url, "--role", "controller", environment=named("second"))
    with running(first, second):
        second.wait_ready()
        first.signal(signal.SIGSTOP)
        wait_until(lambda: "second" == holder(postgres, "controller"), "the second one rules")
        second.apply(broker())
        wait_until(lambda: second.ready("brokers", "b"), "it writes")
        first.signal(signal.SIGCONT)
        wait_until(lambda: "another process's" in first.err, "the first one learns it")
        first.apply(trigger("t", "http://127.0.0.1:9"))
        wait_until(lambda: first.ready("triggers", "t"), "the second one writes what the first one is told")
        assert "second" == holder(postgres, "controller")
        assert "crashed" not in first.err + second.err


def test_a_database_that_is_away_at_the_start_is_waited_for(tmp_path: Path, postgres: Postgres) -> None:
    """Not ready, with one line in the log; then everything is as if it had been there."""
    url = prepare(tmp_path, postgres)
    postgres.stop()
    members = [Member(tmp_path, role, url, "--role", role) for role in ("ingress", "controller")]
    with running(*members):
        try:
            for member in members:
                wait_until(lambda one=member: "waiting: " in one.err, "it says what it waits for")
                assert (200, "ok") == member.health("/healthz")
                assert 503 == member.health("/readyz")[0]
            time.sleep(2.5)  # as long as several attempts need, none of which is to say a word
        finally:
            postgres.start()
        for member in members:
            member.wait_ready()
            assert 1 == member.err.count("waiting: ")


def test_one_that_waits_for_its_database_can_be_stopped(tmp_path: Path) -> None:
    member = Member(tmp_path, "lonely", "postgresql://postgres@127.0.0.1:9/none", "--role", "dispatcher")
    with running(member):
        wait_until(lambda: "waiting: " in member.err, "it waits")
        assert 0 == member.stop()


def test_an_outage_of_the_database_changes_nothing_at_work(tmp_path: Path, postgres: Postgres) -> None:
    """Processes stay ready, know what they knew, say little, and follow again when it is back."""
    url = prepare(tmp_path, postgres)
    controller = Member(tmp_path, "controller", url, "--role", "controller")
    ingress = Member(tmp_path, "ingress", url, "--role", "ingress")
    with running(controller, ingress):
        controller.wait_ready()
        controller.apply(broker("before"))
        where = ingress.events_url
        wait_until(lambda: httpx2.post(f"{where}/default/before").status_code != 404, "the Broker is known")
        postgres.kill()
        try:
            wait_until(lambda: "is away" in ingress.err, "the outage is noticed")
            time.sleep(2 * LEASE_S)  # longer than any lease lasts
            assert 200 == ingress.health("/readyz")[0]
            assert 404 != httpx2.post(f"{where}/default/before").status_code
        finally:
            postgres.start()
        wait_until(lambda: holder(postgres, "controller"), "somebody rules again")
        controller.apply(broker("after"))
        wait_until(lambda: httpx2.post(f"{where}/default/after").status_code != 404, "new Brokers arrive again")
        wait_until(lambda: controller.ready("brokers", "after"), "statuses are written again")
        assert "crashed" not in controller.err + ingress.err


class Load:
    """Events to two ingresses in turn, from a thread, until it is told to stop: which ids were answered 202."""

    def __init__(self, *ingresses: Member) -> None:
        self.accepted: list[str] = []
        self._urls = [f"{one.events_url}/default/b" for one in ingresses]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        headers = {"ce-specversion": "1.0", "ce-source": "/load", "ce-type": "order"}
        with httpx2.Client(timeout=20) as client:
            for number in itertools.count():
                if self._stop.is_set():
                    return
                url = self._urls[number % len(self._urls)]
                try:
                    answer = client.post(url, headers={**headers, "ce-id": f"{number}"}, content=b"{}")
                except httpx2.HTTPError:
                    continue
                if answer.status_code == 202:
                    self.accepted.append(f"{number}")


def test_events_go_their_way_whatever_dies(tmp_path: Path, postgres: Postgres) -> None:
    """Taken by two ingresses, delivered by two dispatchers. A Trigger lives within a second; nothing is lost when a
    dispatcher is killed, and when the database goes and comes back.
    """
    url = prepare(tmp_path, postgres)
    sink, late = Sink(tmp_path, "sink"), Sink(tmp_path, "late")
    controller = Member(tmp_path, "controller", url, "--role", "controller")
    ingresses = [Member(tmp_path, f"ingress-{n}", url, "--role", "ingress") for n in (1, 2)]
    dispatchers = [Member(tmp_path, f"dispatcher-{n}", url, "--role", "dispatcher") for n in (1, 2)]
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
        repeated = len(sink.ids) - len(set(sink.ids))
        assert repeated <= len(load.accepted) / 10, "at most what was in flight"


def test_an_ingress_that_slept_through_a_deletion_drops_nothing(
    tmp_path: Path, postgres: Postgres, redis_server: Redis
) -> None:
    """What a Broker left goes with it, by the controller alone: another Broker of its name keeps its events."""
    url = prepare(tmp_path, postgres)
    sink = Sink(tmp_path, "sink")
    controller = Member(tmp_path, "controller", url, "--role", "controller")
    awake, sleeper = (Member(tmp_path, name, url, "--role", "ingress") for name in ("awake", "sleeper"))
    dispatcher = Member(tmp_path, "dispatcher", url, "--role", "dispatcher")
    headers = {"ce-specversion": "1.0", "ce-source": "/x", "ce-type": "order"}

    def post(ingress: Member, event_id: str) -> bool:
        where = f"{ingress.events_url}/default/b"
        return httpx2.post(where, headers={**headers, "ce-id": event_id}, content=b"{}").status_code == 202

    with running(controller, awake, sleeper, dispatcher, sink):
        controller.apply(broker())
        for ingress in (awake, sleeper):
            wait_until(lambda one=ingress: post(one, "old"), "the first Broker takes events")
        sleeper.signal(signal.SIGSTOP)
        path = f"{controller.api_url}/apis/eventing.knative.dev/v1/namespaces/default/brokers/b"
        assert 200 == httpx2.delete(path).status_code
        wait_until(lambda: not redis_server.call("KEYS", "*default/b*"), "what it left is gone", 40)
        controller.apply(broker())
        controller.apply(trigger("t", sink.url, annotations={PAUSED_ANNOTATION: "true"}))
        wait_until(lambda: controller.ready("triggers", "t").get("status") == "True", "the Trigger is ready")
        wait_until(lambda: post(awake, "0"), "the second Broker takes events")
        assert all(post(awake, f"{number}") for number in range(1, 5))
        sleeper.signal(signal.SIGCONT)
        wait_until(lambda: post(sleeper, "5"), "the sleeper knows the second Broker")
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
        headers = {"ce-specversion": "1.0", "ce-source": "/x", "ce-type": "order", "ce-id": "1"}
        where = f"{ingress.events_url}/default/b"
        wait_until(lambda: httpx2.post(where, headers=headers, content=b"{}").status_code == 202, "it is taken")
        types = f"{controller.api_url}/apis/eventing.knative.dev/v1beta3/namespaces/default/eventtypes"
        wait_until(lambda: httpx2.get(types).json()["items"], "an EventType is made")


def test_channels_of_one_process_are_refused_where_there_are_several(tmp_path: Path, postgres: Postgres) -> None:
    """The resource says why."""
    url = prepare(tmp_path, postgres)
    controller = Member(tmp_path, "controller", url, "--role", "controller")
    with running(controller):
        controller.wait_ready()
        metadata = {"name": "template", "namespace": "default"}
        template = {"channel-template-spec": "apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\n"}
        item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": template}
        answer = httpx2.post(f"{controller.api_url}/api/v1/namespaces/default/configmaps", json=item)
        assert 201 == answer.status_code, answer.text
        local = broker()
        local["metadata"]["annotations"] = {"eventing.knative.dev/broker.class": "MTChannelBasedBroker"}
        local["spec"]["config"] = {"apiVersion": "v1", "kind": "ConfigMap", "name": "template", "namespace": "default"}
        controller.apply(local)
        ready = wait_until(lambda: controller.ready("brokers", "b"), "it has a status")
        assert "False" == ready["status"]
        assert "memory is one process's own" in ready["message"]


@pytest.mark.parametrize(
    ("words", "options", "environment"),
    [
        ("SQLite file belongs to one process", ("--role", "ingress"), {}),
        ("SQLite file belongs to one process", ("--workers", "2"), {}),
        ("one process owns a journal", ("--workers", "2", "--database-url", "postgresql://h/d"), {}),
        (
            "memory is one process's own",
            ("--role", "ingress,dispatcher", "--database-url", "postgresql://h/d"),
            {"EVENTING_DEFAULT_CHANNEL": "memory"},
        ),
        ("leave --role away", ("--workers", "2", "--role", "ingress"), {}),
        ("--role: ", ("--role", "ingress,bartender"), {}),
        (
            "--filename: ",
            ("-f", "FILE", "--role", "ingress", "--database-url", "postgresql://h/d"),
            {"EVENTING_DEFAULT_CHANNEL": "redis"},
        ),
    ],
)
def test_what_cannot_work_is_refused_with_words(
    tmp_path: Path, words: str, options: tuple[str, ...], environment: dict[str, str]
) -> None:
    """Misuse, exit code 2, before anything starts."""
    (tmp_path / "r.yaml").write_text(to_yaml(broker()))
    given = [str(tmp_path / "r.yaml") if word == "FILE" else word for word in options]
    refused = Process(tmp_path, "refused", "serve", *given, environment=environment)
    assert 2 == refused.wait(), refused.err
    assert words in refused.err
    assert "Traceback" not in refused.err
