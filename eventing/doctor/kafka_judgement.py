"""A Kafka cluster, judged by what its brokers say. Topics have a file of their own. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, skipped, warning

INIT_PRODUCER_ID: Final = 22
_METADATA: Final = 3
_METADATA_WITH_RIGHTS: Final = 8
_AGES: Final = ((68, 0, "3.7 or later"), (60, 0, "2.8 or later"), (_METADATA, _METADATA_WITH_RIGHTS, "2.3 or later"))
"""An API, the version of it, and the Kafka that brought it. Brokers do not tell their own version."""


def judge_bootstrap(faults: Mapping[str, str | None]) -> Finding:
    """Why servers to begin with do not answer; None for those that do."""
    bad = {server: words for server, words in faults.items() if words is not None}
    words = "; ".join(f"{server}: {fault}" for server, fault in bad.items())
    if not bad:
        return ok(Check.KAFKA_REACHABLE, f"all of {', '.join(faults)} answer")
    advice = "start it, or mend bootstrap.servers; look at firewalls, and at protocol in the Secret"
    if len(bad) < len(faults):
        return warning(Check.KAFKA_REACHABLE, words, advice)
    return failure(Check.KAFKA_REACHABLE, words, advice)


def judge_listeners(brokers: Mapping[int, str], faults: Mapping[int, str]) -> Sequence[Finding]:
    """Addresses that brokers say are theirs, by their ids, and why some cannot be reached from here."""
    if not faults:
        places = ", ".join(f"{number} at {place}" for number, place in sorted(brokers.items()))
        return [ok(Check.KAFKA_LISTENERS, f"every broker answers where it says it is: {places}")]
    advice = "mend advertised.listeners of that broker: clients are sent there, whatever bootstrap.servers says"
    return [
        failure(Check.KAFKA_LISTENERS, f"broker {number} says it is at {brokers[number]}, and there: {words}", advice)
        for number, words in sorted(faults.items())
    ]


def judge_versions(versions: Mapping[int, int]) -> Finding:
    """The highest version of each API, as ApiVersions tells."""
    if INIT_PRODUCER_ID not in versions:
        words = "Kafka before 0.11: it knows no idempotent producer, and no headers"
        return failure(Check.KAFKA_VERSION, words, "upgrade it")
    for api, version, words in _AGES:
        if versions.get(api, -1) >= version:
            return ok(Check.KAFKA_VERSION, f"Kafka {words}")
    words = "Kafka before 2.3: it does not tell what its users may do"
    return warning(Check.KAFKA_VERSION, words, "upgrade it, or look at its ACLs yourself")


def judge_brokers(count: int, wanted: int) -> Finding:
    """Whether there are as many brokers as topics want replicas."""
    words = f"{count} brokers are there, and topics want {wanted} replicas"
    if count < wanted:
        advice = "start more brokers, or lower default.topic.replication.factor (EVENTING_KAFKA_REPLICATION_FACTOR)"
        return failure(Check.KAFKA_BROKERS, words, advice)
    if count < 3:
        return warning(Check.KAFKA_BROKERS, words, "run three or more: then one may fail, and nothing stops")
    return ok(Check.KAFKA_BROKERS, words)


def judge_creation(
    topic: str, partitions: int, replication_factor: int, refusal: str | None, grant: str = ""
) -> Finding:
    """How a wish to make a topic was received that was only to be checked. `grant` allows it, where that is missing."""
    made = f"{topic} with {partitions} partitions and {replication_factor} replicas"
    if refusal is None:
        return ok(Check.KAFKA_CREATION, f"it would make {made}")
    advice = grant or "mend the setting it names, or make it yourself"
    return failure(Check.KAFKA_CREATION, f"it would not make {made}: {refusal}", advice)


def judge_group(group: str, state: str, members: int) -> Finding:
    """A consumer group as its coordinator sees it."""
    words = f"group {group} is {state}, with {members} members"
    if state in ("PreparingRebalance", "CompletingRebalance"):
        return warning(Check.KAFKA_GROUP, words, "look again: if it stays so, members come and go, and nothing is read")
    if state in ("Dead", "Empty"):
        return ok(Check.KAFKA_GROUP, f"group {group} has no members: no dispatcher is running")
    return ok(Check.KAFKA_GROUP, words)


def unseen_clock(why: str) -> Finding:
    """The time was not told. Nothing here is due by it: it decides how long Kafka keeps events."""
    words = f"{why}; have brokers keep time by NTP: what they delete, they delete by their own clocks"
    return skipped(Check.KAFKA_CLOCK, words)
