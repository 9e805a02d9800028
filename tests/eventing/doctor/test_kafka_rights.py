"""What a login may do in a real Kafka, looked at with every right and without each of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from aiokafka.admin import NewTopic

from eventing.doctor import kafka_cluster
from eventing.doctor.finding import Finding
from eventing.doctor.kafka_cluster import examine_kafka
from eventing.doctor.kafka_connection import KafkaAddress
from eventing.doctor.kafka_right_judgement import Grantee
from eventing.doctor.kafka_topic_judgement import TopicWish
from tests.eventing.doctor.seen import findings, words
from tests.rig.fixture import miss
from tests.rig.kafka import PASSWORD, USER, Kafka, running_kafka
from tests.rig.kafka_acl import AUTHORIZER, allow, revoke_all
from tests.rig.kafka_jars import has_kafka

LOG, STATE, ABSENT = "shop", "shop.eventing", "later"
ROUNDS_MAX = 30
PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def guarded() -> Iterator[Kafka]:
    """One broker whose authorizer lets nobody but the administrator do anything."""
    if not has_kafka():
        miss("Kafka")
    with running_kafka(is_secure=True, settings=AUTHORIZER) as server:
        compacted = {"cleanup.policy": "compact"}
        topics = [NewTopic(LOG, 2, 1), NewTopic(STATE, 2, 1, topic_configs=compacted)]
        server.ask(lambda admin: admin.create_topics(topics))
        yield server


@pytest.fixture
async def server(guarded: Kafka) -> AsyncIterator[Kafka]:
    """Where `alice` may do nothing yet."""
    yield guarded
    await revoke_all(guarded.bootstrap_servers)


def log(partitions: int = 2, **given: object) -> TopicWish:
    return TopicWish(LOG, partitions, 1, group=f"{LOG}.main", **given)  # type: ignore[arg-type]


def state() -> TopicWish:
    return TopicWish(STATE, 2, 1, is_compacted=True)


async def look(server: Kafka, *wishes: TopicWish) -> list[Finding]:
    address = KafkaAddress(
        (server.address("SASL_PLAINTEXT"),), user=USER, password=PASSWORD, mechanism="SCRAM-SHA-256", topics=wishes
    )
    return await findings(examine_kafka(address, 10.0))


async def look_until(server: Kafka, holds: Callable[[list[Finding]], object], *wishes: TopicWish) -> list[Finding]:
    """As soon as that holds, or after a while whatever there is: brokers hear of a right moments after it was given."""
    until_s = time.monotonic() + PATIENCE_S
    while not holds(found := await look(server, *wishes)) and time.monotonic() < until_s:
        await asyncio.sleep(0.1)
    return found


async def missed(server: Kafka, expected: list[tuple[str, str]], wish: TopicWish) -> list[Finding]:
    """What was found, once these are the rights that are missing. Fails where others are."""
    found = await look_until(server, lambda found: missing(found) == expected, wish)
    assert expected == missing(found)
    return found


async def grant(server: Kafka, *given: tuple[list[str], tuple[str, ...]]) -> None:
    administrator = Grantee(USER, server.bootstrap_servers)
    for operations, options in given:
        await allow(administrator.command(operations, *options))


def missing(found: list[Finding]) -> list[tuple[str, str]]:
    """Verdict and words of each right that is told to be missing, without what follows from it."""
    told = [one for one in found if one.check.value == "kafka-rights" and one.verdict in ("failure", "warning")]
    return [(one.verdict, ": ".join(one.words.split(": ")[:2])) for one in told]


def advice_of(found: list[Finding]) -> list[str]:
    """Commands that are told."""
    return [one.advice for one in found if one.advice.startswith("kafka-acls")]


TOPIC = ("--topic", LOG)
GROUPS = ("--group", f"{LOG}.", "--resource-pattern-type", "prefixed")
EVERYTHING = ["Read", "Write", "DescribeConfigs", "Create", "Alter", "Delete"]


@pytest.mark.parametrize(
    ("operation", "verdict"),
    [
        ("Read", "failure"),
        ("Write", "failure"),
        ("DescribeConfigs", "warning"),
        ("Create", "warning"),
        ("Alter", "warning"),
        ("Delete", "warning"),
    ],
)
async def test_each_right_to_a_topic_is_missed(server: Kafka, operation: str, verdict: str) -> None:
    """It alone, with the command that gives it; given it is told no more."""
    rest = [name for name in EVERYTHING if name != operation]
    await grant(server, (rest, TOPIC), (["Read", "Delete"], GROUPS), (["IdempotentWrite"], ("--cluster",)))
    found = await missed(server, [(verdict, f"topic {LOG}: {operation} is not allowed")], log())
    (advice,) = [one.advice for one in found if one.check.value == "kafka-rights" and one.advice]
    await allow(advice.replace(server.address("SASL_PLAINTEXT"), server.bootstrap_servers))
    await missed(server, [], log())


@pytest.mark.parametrize(("operation", "verdict"), [("Read", "failure"), ("Delete", "warning")])
async def test_each_right_to_a_group_is_missed(server: Kafka, operation: str, verdict: str) -> None:
    rest = [name for name in ("Read", "Delete") if name != operation]
    await grant(server, (EVERYTHING, TOPIC), (rest, GROUPS))
    await missed(server, [(verdict, f"group {LOG}.main: {operation} is not allowed")], log())


async def test_who_may_not_see_a_group_is_told_all(server: Kafka) -> None:
    """Its coordinator is not told either."""
    await grant(server, (EVERYTHING, TOPIC))
    expected = [
        ("failure", f"group {LOG}.main: Read is not allowed"),
        ("warning", f"group {LOG}.main: Delete is not allowed"),
    ]
    await missed(server, expected, log())


async def test_who_may_write_nowhere_gets_no_producers_number(server: Kafka) -> None:
    """The cluster says so itself; older ones want a right of its own for it, which is enough for newer ones, too."""
    await grant(server, (["Read"], TOPIC))
    denied, given = "cluster: IdempotentWrite is not allowed", "cluster: it may write as an idempotent producer"
    found = await look_until(server, lambda found: denied in words(found, "kafka-rights"), log())
    assert denied in words(found, "kafka-rights")
    await grant(server, (["IdempotentWrite"], ("--cluster",)))
    found = await look_until(server, lambda found: given in words(found, "kafka-rights"), log())
    assert given in words(found, "kafka-rights")


async def test_partitions_that_are_wanted_need_a_right(server: Kafka) -> None:
    """Without them the channel does not open."""
    await grant(server, ([name for name in EVERYTHING if name != "Alter"], TOPIC), (["Read", "Delete"], GROUPS))
    await missed(server, [("failure", f"topic {LOG}: Alter is not allowed")], log(partitions=3))


async def test_the_right_to_make_topics_may_be_the_clusters(server: Kafka) -> None:
    """No topic tells of it."""
    rest = [name for name in EVERYTHING if name != "Create"]
    await grant(server, (rest, TOPIC), (["Read", "Delete"], GROUPS), (["Create"], ("--cluster",)))
    await missed(server, [], log())


async def test_the_advice_leads_from_nothing_to_all_that_is_needed(server: Kafka) -> None:
    """Command by command, each of which is needed; and nothing is made by looking."""
    wishes = (log(), state(), TopicWish(ABSENT, 1, 1))
    commands: list[str] = []
    while len(commands) < ROUNDS_MAX:
        found = await look_until(server, lambda found: {*advice_of(found)}.isdisjoint(commands), *wishes)
        advice = advice_of(found)
        if not advice:
            break
        assert advice[0] not in commands, "it has helped"
        commands.append(advice[0])
        await allow(advice[0].replace(server.address("SASL_PLAINTEXT"), server.bootstrap_servers))
    assert [] == missing(found)
    assert "failure" not in {one.verdict for one in found}
    assert any("--operation Delete" in one and f"--topic {LOG}" in one for one in commands)
    assert any(f"--topic {ABSENT}" in one for one in commands)
    assert f"topic {ABSENT}: what this user may do there is told once it is there" in words(found, "kafka-rights")


async def test_the_clock_is_told_to_who_may_ask(server: Kafka) -> None:
    """By the controller. Who may not is told how."""
    unseen = clock(await look_until(server, lambda found: clock(found).verdict == "skipped"))
    assert "skipped" == unseen.verdict
    assert "--operation Describe --cluster" in unseen.words
    await grant(server, (["Describe"], ("--cluster",)))
    seen = clock(await look_until(server, lambda found: clock(found).verdict != "skipped"))
    assert ("ok", True) == (seen.verdict, seen.words.startswith("its controller's clock is 0."))


def clock(found: list[Finding]) -> Finding:
    """What was found of it."""
    (one,) = [one for one in found if one.check.value == "kafka-clock"]
    return one


class Ahead:
    """A clock of ours that is put wrong."""

    def __init__(self, time: object, by_s: float) -> None:
        self._time, self._by_s = time, by_s

    def time(self) -> float:
        return float(self._time.time()) + self._by_s  # type: ignore[attr-defined]


@pytest.mark.parametrize(("by_s", "verdict"), [(30.0, "warning"), (-3700.0, "failure")])
async def test_a_clock_that_is_off_is_told(
    server: Kafka, monkeypatch: pytest.MonkeyPatch, by_s: float, verdict: str
) -> None:
    """Whichever of the two it is; Kafka deletes by its own, and refuses what is an hour ahead."""
    await grant(server, (["Describe"], ("--cluster",)))
    monkeypatch.setattr(kafka_cluster, "time", Ahead(kafka_cluster.time, by_s))
    found = clock(await look_until(server, lambda found: clock(found).verdict != "skipped"))
    assert verdict == found.verdict
    assert ("behind ours" if by_s > 0 else "ahead of ours") in found.words
