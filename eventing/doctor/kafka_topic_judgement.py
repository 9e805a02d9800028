"""One Kafka topic, judged by its partitions and settings. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, skipped, warning

REPLICAS_WANTED: Final = 3
IN_SYNC_WANTED: Final = 2
"""One broker may fail, and a write still rests on two."""
RETENTION_MIN_MS: Final = 24 * 3600 * 1000
"""A sink may be away for a night."""
_FOREVER: Final = -1


@dataclass(frozen=True, slots=True)
class TopicWish:
    """A topic that the configuration names, and what is wanted of it."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str] = field(default_factory=dict)
    is_external: bool = False
    size_max_bytes: int = 0
    """The largest event that is admitted there."""
    group: str = ""
    """Whose members read it; empty for nobody's."""
    is_compacted: bool = False
    """The latest record of each key is all that is wanted of it: no events rest there."""
    is_kept: bool = False
    """It is never dropped: it is of no single Broker."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: the broker that leads it, those that hold it, and those that are up to date. -1 for no leader."""

    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


def judge_topic(wish: TopicWish, partitions: Sequence[Partition], config: Mapping[str, str]) -> Iterator[Finding]:
    """All about a topic that is there. `config` is empty where this user may not ask for it."""
    replicas = min((len(one.replicas) for one in partitions), default=0)
    yield _existence(wish, partitions)
    yield _replication(wish.name, replicas, partitions)
    if not config:
        yield skipped(Check.KAFKA_IN_SYNC, f"{wish.name}: this user may not read its settings (DescribeConfigs)")
        return
    yield _in_sync(wish.name, replicas, partitions, int(config.get("min.insync.replicas", 1)))
    yield _election(wish.name, config)
    if wish.is_compacted:
        yield _compaction(wish.name, config)
        return
    yield _retention(wish.name, config)
    yield _cleanup(wish.name, config)
    yield _size(wish, int(config.get("max.message.bytes", 0)))


def judge_absence(wish: TopicWish) -> Finding:
    """There is no such topic."""
    if wish.is_external:
        words = f"{wish.name} is not there, and as somebody else's topic it is not made"
        return failure(Check.KAFKA_TOPIC, words, "make it, or mend the annotation external.topic")
    return ok(Check.KAFKA_TOPIC, f"{wish.name} is not there yet: the server makes it")


def _existence(wish: TopicWish, partitions: Sequence[Partition]) -> Finding:
    words = f"{wish.name} has {len(partitions)} partitions"
    leaderless = sum(one.leader < 0 for one in partitions)
    if leaderless:
        advice = "start the brokers that hold them: until then nothing is written there or read"
        return failure(Check.KAFKA_TOPIC, f"{words}, {leaderless} of them without a leader", advice)
    if len(partitions) < wish.partitions and not wish.is_external:
        return ok(Check.KAFKA_TOPIC, f"{words}: the server makes them {wish.partitions}")
    return ok(Check.KAFKA_TOPIC, words)


def _replication(topic: str, replicas: int, partitions: Sequence[Partition]) -> Finding:
    behind = sum(len(one.in_sync) < len(one.replicas) for one in partitions)
    words = f"{topic} has {replicas} replicas"
    if behind:
        advice = "look for brokers that are down or slow (kafka-topics --describe --under-replicated-partitions)"
        return warning(Check.KAFKA_REPLICATION, f"{words}; {behind} partitions are under-replicated", advice)
    if replicas < REPLICAS_WANTED:
        lost = "loses its events, and stops what it leads" if replicas == 1 else "leaves one copy"
        advice = f"{REPLICAS_WANTED} replicas or more (kafka-reassign-partitions)"
        return warning(Check.KAFKA_REPLICATION, f"{words}: a broker that is lost {lost}", advice)
    return ok(Check.KAFKA_REPLICATION, words)


def _in_sync(topic: str, replicas: int, partitions: Sequence[Partition], wanted: int) -> Finding:
    words = f"{topic} has {replicas} replicas and min.insync.replicas {wanted}"
    fewest = min((len(one.in_sync) for one in partitions), default=0)
    advice = f"kafka-configs --alter --topic {topic} --add-config min.insync.replicas={min(IN_SYNC_WANTED, replicas)}"
    if wanted > replicas:
        return failure(Check.KAFKA_IN_SYNC, f"{words}: no write can ever succeed, every producer gets 503", advice)
    if fewest < wanted:
        words += f"; only {fewest} are in sync somewhere: writes there are refused, producers get 503"
        return failure(Check.KAFKA_IN_SYNC, words, "start the brokers that are down")
    if wanted < IN_SYNC_WANTED <= replicas:
        return warning(Check.KAFKA_IN_SYNC, f"{words}: a 202 may rest on one broker alone", advice)
    if wanted == replicas > 1:
        return warning(Check.KAFKA_IN_SYNC, f"{words}: one broker that is down stops all writes", "one replica more")
    return ok(Check.KAFKA_IN_SYNC, words)


def _election(topic: str, config: Mapping[str, str]) -> Finding:
    if config.get("unclean.leader.election.enable") == "true":
        words = f"{topic}: unclean.leader.election.enable is true: events with a 202 go when a broker is lost"
        advice = f"kafka-configs --alter --topic {topic} --add-config unclean.leader.election.enable=false"
        return warning(Check.KAFKA_ELECTION, words, advice)
    return ok(Check.KAFKA_ELECTION, f"{topic}: only a replica that has everything becomes leader")


def _retention(topic: str, config: Mapping[str, str]) -> Finding:
    age_ms, size = int(config.get("retention.ms", _FOREVER)), int(config.get("retention.bytes", _FOREVER))
    if size != _FOREVER:
        words = f"{topic}: retention.bytes is {size}: under load the oldest events go, delivered or not"
        advice = f"kafka-configs --alter --topic {topic} --add-config retention.bytes=-1"
        return warning(Check.KAFKA_RETENTION, words, advice)
    if age_ms == _FOREVER:
        return ok(Check.KAFKA_RETENTION, f"{topic} keeps events for ever")
    words = f"{topic}: what no dispatcher has read after {_age(age_ms)} is deleted"
    if age_ms < RETENTION_MIN_MS:
        advice = f"kafka-configs --alter --topic {topic} --add-config retention.ms=604800000: longer than any stop"
        return warning(Check.KAFKA_RETENTION, words, advice)
    return ok(Check.KAFKA_RETENTION, words)


def _cleanup(topic: str, config: Mapping[str, str]) -> Finding:
    policy = config.get("cleanup.policy", "delete")
    if "compact" in policy.split(","):
        words = f"{topic}: cleanup.policy {policy} deletes events that have the same key as a later one"
        advice = f"kafka-configs --alter --topic {topic} --add-config cleanup.policy=delete"
        return failure(Check.KAFKA_CLEANUP, words, advice)
    return ok(Check.KAFKA_CLEANUP, f"{topic}: cleanup.policy {policy}")


def _compaction(topic: str, config: Mapping[str, str]) -> Finding:
    policy = config.get("cleanup.policy", "delete")
    if policy != "compact":
        words = f"{topic}: cleanup.policy {policy} deletes what is parked and known, with nothing newer to replace it"
        advice = f"kafka-configs --alter --topic {topic} --add-config cleanup.policy=compact"
        return failure(Check.KAFKA_CLEANUP, words, advice)
    return ok(Check.KAFKA_CLEANUP, f"{topic}: cleanup.policy {policy}")


def _size(wish: TopicWish, bound: int) -> Finding:
    words = f"{wish.name}: max.message.bytes is {bound}, and events may have {wish.size_max_bytes} bytes"
    if bound < wish.size_max_bytes:
        advice = (
            f"kafka-configs --alter --topic {wish.name} --add-config max.message.bytes={wish.size_max_bytes + 2**16}, "
            "or lower EVENTING_EVENT_SIZE_MAX_BYTES: what is admitted and too large is refused by Kafka"
        )
        return failure(Check.KAFKA_SIZE, words, advice)
    return ok(Check.KAFKA_SIZE, words)


def _age(age_ms: int) -> str:
    hours = age_ms / 3_600_000
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"
