from dataclasses import replace

import pytest

from eventing.doctor.kafka_topic_judgement import Partition, TopicWish, judge_absence, judge_topic
from tests.eventing.doctor.seen import unwell

WISH = TopicWish("orders", 2, 3, size_max_bytes=1000)
WHOLE = Partition(1, (1, 2, 3), (1, 2, 3))
CONFIG = {
    "min.insync.replicas": "2",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "cleanup.policy": "delete",
    "max.message.bytes": "1048588",
    "unclean.leader.election.enable": "false",
}


def test_a_topic_as_it_should_be_is_well() -> None:
    """Three replicas, two of them in sync for every write."""
    assert {} == unwell([*judge_topic(WISH, [WHOLE, WHOLE], CONFIG)])


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("min.insync.replicas", "1", {"kafka-in-sync": "warning"}),
        ("min.insync.replicas", "3", {"kafka-in-sync": "warning"}),
        ("min.insync.replicas", "4", {"kafka-in-sync": "failure"}),
        ("retention.ms", "-1", {}),
        ("retention.ms", "3600000", {"kafka-retention": "warning"}),
        ("retention.bytes", "1000000", {"kafka-retention": "warning"}),
        ("cleanup.policy", "compact,delete", {"kafka-cleanup": "failure"}),
        ("max.message.bytes", "999", {"kafka-size": "failure"}),
        ("max.message.bytes", "1000", {}),
        ("unclean.leader.election.enable", "true", {"kafka-election": "warning"}),
    ],
)
def test_settings(setting: str, value: str, expected: dict[str, str]) -> None:
    """One by one."""
    assert expected == unwell([*judge_topic(WISH, [WHOLE, WHOLE], {**CONFIG, setting: value})])


@pytest.mark.parametrize(
    ("partitions", "wanted", "expected"),
    [
        ([WHOLE], "2", {}),
        ([WHOLE, replace(WHOLE, leader=-1)], "2", {"kafka-topic": "failure"}),
        ([WHOLE, replace(WHOLE, in_sync=(1, 2))], "2", {"kafka-replication": "warning"}),
        ([WHOLE, replace(WHOLE, in_sync=(1,))], "2", {"kafka-replication": "warning", "kafka-in-sync": "failure"}),
        ([Partition(1, (1,), (1,))] * 2, "1", {"kafka-replication": "warning"}),
        ([Partition(1, (1, 2), (1, 2))] * 2, "2", {"kafka-replication": "warning", "kafka-in-sync": "warning"}),
        ([Partition(1, (1,), (1,))] * 2, "2", {"kafka-replication": "warning", "kafka-in-sync": "failure"}),
    ],
)
def test_partitions(partitions: list[Partition], wanted: str, expected: dict[str, str]) -> None:
    """How many there are, who holds them, and how many a write must reach."""
    assert expected == unwell([*judge_topic(WISH, partitions, {**CONFIG, "min.insync.replicas": wanted})])


def test_settings_that_are_not_told_are_skipped() -> None:
    """Partitions are seen by everybody who may see the topic."""
    found = [*judge_topic(WISH, [WHOLE, WHOLE], {})]
    assert ["ok", "ok", "skipped"] == [one.verdict for one in found]


def test_a_topic_of_somebody_else_is_to_be_there() -> None:
    """Ours is made."""
    assert "ok" == judge_absence(WISH).verdict
    assert "failure" == judge_absence(replace(WISH, is_external=True)).verdict


@pytest.mark.parametrize(("policy", "is_well"), [("compact", True), ("delete", False), ("compact,delete", False)])
def test_what_is_known_of_events_is_to_be_compacted(policy: str, is_well: bool) -> None:
    """And nothing of it may go with time; how large and how old it is does not matter."""
    wish = replace(WISH, is_compacted=True)
    config = {**CONFIG, "cleanup.policy": policy, "retention.ms": "1", "max.message.bytes": "1"}
    assert is_well == ({} == unwell([*judge_topic(wish, [WHOLE, WHOLE], config)]))
