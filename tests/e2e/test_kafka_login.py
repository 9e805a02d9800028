"""A login of a Kafka cluster that is replaced and revoked while events flow."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from eventing.doctor.kafka_right_judgement import Grantee
from tests.e2e.load import Load
from tests.e2e.manifests import to_yaml, trigger
from tests.e2e.process import Server, Sink, running, wait_until
from tests.e2e.remote import apply, conditions, post, secret, wait_ready
from tests.e2e.test_kafka import resources
from tests.rig.fixture import miss
from tests.rig.kafka import PASSWORD, USER, Kafka, running_kafka
from tests.rig.kafka_acl import AUTHORIZER, allow, revoke_all
from tests.rig.kafka_jars import has_kafka
from tests.rig.kafka_user import add_user, remove_user

SECOND: Final = "second-secret"
PATIENCE_S: Final = 60.0
TOPIC_RIGHTS: Final = ["Read", "Write", "DescribeConfigs", "Create", "Alter", "Delete"]


@pytest.fixture
def guarded() -> Iterator[Kafka]:
    """A Kafka that lets nobody but its administrator do anything, until it is told."""
    if not has_kafka():
        miss("Kafka")
    with running_kafka(is_secure=True, settings=AUTHORIZER) as server:
        yield server


def let_in(kafka: Kafka, user: str) -> None:
    """Whatever a server needs."""
    grantee = Grantee(user, kafka.bootstrap_servers)
    for prefix in ("knative-broker-", "eventing-dead-letters"):
        options = (prefix, "--resource-pattern-type", "prefixed")
        asyncio.run(allow(grantee.command(TOPIC_RIGHTS, "--topic", *options)))
        asyncio.run(allow(grantee.command(["Read", "Delete"], "--group", *options)))


def shut_out(kafka: Kafka, user: str) -> None:
    """It comes in no more, and connections that it has may do nothing."""
    asyncio.run(remove_user(kafka.bootstrap_servers, user))
    asyncio.run(revoke_all(kafka.bootstrap_servers, f"User:{user}"))


def login(user: str, password: str) -> dict[str, str]:
    return {"protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512", "user": user, "password": password}


def test_a_login_is_replaced_and_the_old_one_revoked_under_load(tmp_path: Path, guarded: Kafka) -> None:
    """First the Secret, then the server: nobody is refused, all that was accepted arrives, and the process never needs
    what is revoked.
    """
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    first, second = login(USER, PASSWORD), login("bob", SECOND)
    let_in(guarded, USER)
    broker = resources(guarded.address("SASL_PLAINTEXT"), auth="login")
    manifest.write_text(to_yaml(secret("login", **first), *broker, trigger("t", sink.url)))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        wait_ready(server, patience_s=PATIENCE_S)
        asyncio.run(add_user(guarded.bootstrap_servers, "bob", SECOND))
        let_in(guarded, "bob")
        with Load(server, senders=2) as load:
            flow(load, sink)
            apply(server, secret("login", **second))
            wait_until(lambda: "its login is used from now on" in server.err, "the login is replaced", PATIENCE_S)
            flow(load, sink)
            shut_out(guarded, USER)
            flow(load, sink)
            assert "True" == conditions(server)["Ready"][0]
        wait_until(lambda: set(load.accepted) <= set(sink.ids), "all that was accepted", PATIENCE_S)
        assert [] == load.refused
        assert not re.search("crashed|not allowed|[Aa]uthorization", server.err), server.err
        assert [] == [one for one in (PASSWORD, SECOND) if one in server.err]


def test_a_login_that_is_revoked_first_is_told_and_mended_under_load(tmp_path: Path, guarded: Kafka) -> None:
    """Producers are refused meanwhile, with the reason in the condition; the Secret's new password lets it in again."""
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    let_in(guarded, USER)
    broker = resources(guarded.address("SASL_PLAINTEXT"), auth="login")
    manifest.write_text(to_yaml(secret("login", **login(USER, PASSWORD)), *broker, trigger("t", sink.url)))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        wait_ready(server, patience_s=PATIENCE_S)
        with Load(server, senders=2) as load:
            flow(load, sink)
            asyncio.run(add_user(guarded.bootstrap_servers, USER, SECOND))
            asyncio.run(revoke_all(guarded.bootstrap_servers, f"User:{USER}"))
            wait_ready(server, "False", patience_s=PATIENCE_S)
            wait_until(lambda: load.refused, "producers are refused", PATIENCE_S)
            let_in(guarded, USER)
            apply(server, secret("login", **login(USER, SECOND)))
            wait_ready(server, patience_s=PATIENCE_S)
            flow(load, sink)
        assert {503} == set(load.refused)
        wait_until(lambda: post(server, "last") == 202, "it is taken", PATIENCE_S)
        wait_until(lambda: {*load.accepted, "last"} <= set(sink.ids), "all that was accepted", PATIENCE_S)
        assert SECOND not in server.err


def flow(load: Load, sink: Sink) -> None:
    """Return when events that were accepted from here on have arrived."""
    before, arrived = len(load.accepted), len(sink.ids)
    wait_until(lambda: len(load.accepted) > before + 200, "events are accepted", PATIENCE_S)
    accepted = load.accepted[before + 200]
    wait_until(lambda: len(sink.ids) > arrived + 200 and accepted in sink.ids, "events are delivered", PATIENCE_S)
