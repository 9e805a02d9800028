from dataclasses import replace

import pytest

from eventing.doctor import kafka_right_judgement as judgement
from eventing.doctor.finding import Finding
from eventing.doctor.kafka_right_judgement import GROUP_RIGHTS, OPERATIONS, UNKNOWN_RIGHTS, Grantee, Right
from eventing.doctor.kafka_topic_judgement import TopicWish

WISH = TopicWish("t", 2, 3)
STATE = TopicWish("t.eventing", 2, 3, is_compacted=True)
ALICE = Grantee("alice", "a:1,b:2")
TOOL = "kafka-acls --bootstrap-server a:1,b:2 --add --allow-principal User:alice"


def bits(*operations: str) -> int:
    return sum(1 << OPERATIONS[name] for name in operations)


def judged(rights: int, *wanted: Right) -> list[Finding]:
    return [*judgement.judge_rights("topic t", rights, wanted, ALICE, judgement.topic_options("t"))]


@pytest.mark.parametrize(
    ("wish", "partitions", "vital", "others"),
    [
        (WISH, 2, {"Read", "Write"}, {"DescribeConfigs", "Create", "Alter", "Delete"}),
        (WISH, 1, {"Read", "Write", "Alter"}, {"DescribeConfigs", "Create", "Delete"}),
        (replace(WISH, is_external=True), 1, {"Read", "Write"}, {"DescribeConfigs"}),
        (STATE, 2, {"Read", "Write"}, {"Create", "Alter", "Delete"}),
        (replace(STATE, is_kept=True), 2, {"Read", "Write"}, {"Create", "Alter"}),
    ],
)
def test_what_is_needed_is_what_is_done(wish: TopicWish, partitions: int, vital: set[str], others: set[str]) -> None:
    """A topic of somebody else is only used; one that is kept is not dropped; settings of events alone are read."""
    found = judgement.topic_rights(wish, partitions)
    assert vital == {one.operation for one in found if one.is_vital}
    assert others == {one.operation for one in found if not one.is_vital}


def test_each_right_that_is_missing_is_told_with_its_loss_and_its_command() -> None:
    """A failure where nothing works without it, else a warning."""
    read, delete = Right("Read", "nothing is read", is_vital=True), Right("Delete", "it stays")
    assert [("ok", "topic t: Read, Delete are allowed")] == [
        (one.verdict, one.words) for one in judged(bits("Read", "Delete"), read, delete)
    ]
    assert [
        ("failure", "topic t: Read is not allowed: nothing is read", f"{TOOL} --operation Read --topic t"),
        ("warning", "topic t: Delete is not allowed: it stays", f"{TOOL} --operation Delete --topic t"),
    ] == [(one.verdict, one.words, one.advice) for one in judged(bits("Describe"), read, delete)]


def test_a_broker_that_does_not_tell_is_not_judged() -> None:
    assert ["skipped"] == [one.verdict for one in judged(UNKNOWN_RIGHTS, *GROUP_RIGHTS)]


def test_groups_are_allowed_by_the_beginning_of_their_names() -> None:
    """Triggers that start in the past have groups of their own."""
    (lost, _) = judgement.judge_rights("group t.main", 0, GROUP_RIGHTS, ALICE, judgement.group_options(WISH))
    assert f"{TOOL} --operation Read --group t. --resource-pattern-type prefixed" == lost.advice


def test_who_may_not_see_a_topic_is_told_all_that_it_needs() -> None:
    """In one command."""
    found = judgement.judge_denied(replace(WISH, is_external=True), ALICE)
    operations = "--operation Read --operation Write --operation DescribeConfigs"
    assert ("failure", f"{TOOL} {operations} --topic t") == (found.verdict, found.advice)


@pytest.mark.parametrize(("is_allowed", "verdict"), [(True, "ok"), (False, "failure")])
def test_a_producer_needs_a_number(*, is_allowed: bool, verdict: str) -> None:
    """Which the cluster gives."""
    found = judgement.judge_producer(ALICE, is_allowed=is_allowed)
    assert verdict == found.verdict
    assert found.advice == ("" if is_allowed else f"{TOOL} --operation IdempotentWrite --cluster")


def test_names_are_quoted_for_the_shell() -> None:
    """A user may be called anything."""
    assert "'User:a b'" in Grantee("a b", "a:1").command(["Read"], "--topic", "t")
