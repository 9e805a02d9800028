from typing import Any

import pytest

from eventing.doctor.inventory import Inventory
from eventing.doctor.need import Need
from eventing.doctor.subject import kafka_address, subjects
from eventing.resources.engine import Kafka, ServerKey, Topic
from eventing.resources.identity import Key
from eventing.resources.login import Login
from eventing.settings import Settings
from tests.eventing.doctor.seen import findings, unwell
from tests.eventing.doctor.test_need import BROKER, CLASS, REDIS, made, secret

TIMEOUT_S = 1.0


def names(inventory: Inventory | None = None, **settings: Any) -> list[str]:
    """Of what is looked at beside the machine and the database, which are in any case."""
    machine, database, *others = subjects(Settings(**settings), inventory, timeout_s=TIMEOUT_S)
    assert ("this machine", True) == (machine.name, database.name.startswith("database"))
    return [one.name for one in others]


def test_servers_are_looked_at_that_settings_or_objects_name() -> None:
    """Each once, however many rest there; one that nobody needs is left alone."""
    channels = [made(REDIS, name, spec={"address": "redis://cache:6379"}) for name in ("a", "b")]
    broker = made(BROKER, "shop", annotations={CLASS: "Kafka"})
    assert [] == names()
    assert ["resources"] == names(Inventory())
    assert ["Redis redis://r:1"] == names(default_channel="redis", redis_url="redis://r:1")
    expected = ["resources", "Redis redis://cache:6379", "Kafka k:1,l:2"]
    assert expected == names(Inventory([*channels, broker]), kafka_bootstrap_servers="k:1,l:2")


def test_who_logs_in_otherwise_is_looked_at_by_itself() -> None:
    """What one user may do, another may not."""
    spec = {"address": "redis://cache:6379", "auth": {"secret": {"ref": {"name": "login"}}}}
    channels = [made(REDIS, "a", spec={"address": "redis://cache:6379"}), made(REDIS, "b", spec=spec), secret("login")]
    expected = ["resources", "Redis redis://cache:6379", "Redis redis://cache:6379 (Secret default/login)"]
    assert expected == names(Inventory(channels))


async def test_what_cannot_be_told_of_the_default_channel_is_a_failure() -> None:
    """Though nobody has named any objects."""
    settings = Settings(default_channel="redis", redis_secret="login")
    found = subjects(settings, None, timeout_s=TIMEOUT_S)[2]
    assert {"channels": "failure"} == unwell(await findings(found.examine()))


def test_passwords_are_secrets() -> None:
    """They are hidden in whatever a server says."""
    spec = {"address": "redis://cache:6379", "auth": {"secret": {"ref": {"name": "login"}}}}
    inventory = Inventory([made(REDIS, "b", spec=spec), secret("login")])
    found = subjects(Settings(database_url="postgresql://u:hunter2@h/x"), inventory, timeout_s=TIMEOUT_S)
    expected = ["database postgresql://u:***@h/x", "Redis redis://cache:6379 (Secret default/login)"]
    assert expected == [one.name for one in found if "hunter2" in one.secrets]


@pytest.mark.parametrize("url", ["postgresql://h:port/x", "postgresql://[::1"])
async def test_a_url_that_cannot_be_read_is_a_failure(url: str) -> None:
    """Whatever it begins with."""
    found = subjects(Settings(database_url=url), None, timeout_s=TIMEOUT_S)[1]
    assert {"database-reachable": "failure"} == unwell(await findings(found.examine()))


def test_the_topics_of_a_broker_are_those_of_its_channel() -> None:
    """Its events, which the main group reads, and what is known of them; and the dead letters of all."""
    topic = Topic("t", 4, 3, {"retention.ms": "1"}, is_external=True)
    needs = [Need(Kafka(ServerKey("kafka", "a:1,b:2"), topic), Key("g", "Broker", "n", "x"), 1000)]
    address = kafka_address(Kafka(ServerKey("kafka", "a:1,b:2"), topic), Login(), needs)
    letters, log, state = address.topics
    assert ("eventing-dead-letters", 1, 3, True, True) == (
        letters.name,
        letters.partitions,
        letters.replication_factor,
        letters.is_compacted,
        letters.is_kept,
    )
    assert ("a:1", "b:2") == address.bootstrap_servers
    assert ("t", 4, 3, True, 1000) == (
        log.name,
        log.partitions,
        log.replication_factor,
        log.is_external,
        log.size_max_bytes,
    )
    assert ("t.eventing", False, True) == (state.name, state.is_external, state.is_compacted)
