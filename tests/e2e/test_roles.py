"""Processes with roles over one PostgreSQL: what each opens, who writes, who takes over, and what an outage does."""

import signal
import time
from pathlib import Path

import httpx2
import pytest

from tests.e2e.manifests import broker, to_yaml, trigger
from tests.e2e.member import LEASE_S, Member, holder, prepare
from tests.e2e.process import Process, running, wait_until
from tests.rig.postgres import Postgres

pytestmark = pytest.mark.usefixtures("redis_server")


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
        (
            "one process owns a journal",
            ("--workers", "2", "--database-url", "postgresql://h/d"),
            {"EVENTING_DEFAULT_CHANNEL": "journal"},
        ),
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
