"""What a login may do in a Kafka cluster, against what the server asks of it there. Pure."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, skipped, warning
from eventing.doctor.kafka_topic_judgement import TopicWish

OPERATIONS: Final[Mapping[str, int]] = {
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Delete": 6,
    "Alter": 7,
    "Describe": 8,
    "DescribeConfigs": 10,
}
"""ACL operations, by the bit that stands for each."""
UNKNOWN_RIGHTS: Final = -(2**31)
"""What a broker answers that does not know, or was not asked."""


@dataclass(frozen=True, slots=True)
class Right:
    """An operation that the server carries out, and what does not work where it is not allowed: nothing at all, where
    it is vital.
    """

    operation: str
    loss: str
    is_vital: bool = False


GROUP_RIGHTS: Final = (
    Right("Read", "no dispatcher may join it, and nothing is delivered", is_vital=True),
    Right("Delete", "what a Broker leaves that is deleted stays: this group, and its topics"),
)


@dataclass(frozen=True, slots=True)
class Grantee:
    """Whom an operator allows something: the name that the cluster knows the login by, and where the cluster is."""

    principal: str
    servers: str

    def command(self, operations: Sequence[str], *resource: str) -> str:
        """What allows these; `resource` as options of Kafka's own tool."""
        given = [word for name in operations for word in ("--operation", name)]
        who = ("--bootstrap-server", self.servers, "--add", "--allow-principal", f"User:{self.principal}")
        return shlex.join(("kafka-acls", *who, *given, *resource))


def topic_rights(wish: TopicWish, partitions: int) -> Sequence[Right]:
    """What is done with a topic that has so many partitions. A topic of somebody else is neither made nor changed."""
    if wish.is_compacted:
        found = [
            Right("Read", "what is parked and known there is not seen, and no channel opens", is_vital=True),
            Right("Write", "nothing can be parked or remembered there, and deliveries stand still", is_vital=True),
        ]
    else:
        found = [
            Right("Read", "no event is read, and nothing is delivered", is_vital=True),
            Right("Write", "no event is stored, and producers get 503", is_vital=True),
            Right("DescribeConfigs", "its retention is not known, so what waits is copied after an hour"),
        ]
    if not wish.is_external:
        found.append(Right("Create", "it is not made anew when somebody has deleted it, or its Broker was"))
        if partitions < wish.partitions:
            loss = f"it cannot get the {wish.partitions} partitions that are wanted, and no channel opens"
            found.append(Right("Alter", loss, is_vital=True))
        else:
            found.append(Right("Alter", "it gets no more partitions when more are wanted"))
        if not wish.is_kept:
            loss = "it stays when its Broker is deleted, and the next Broker of that name has what is in it"
            found.append(Right("Delete", loss))
    return found


def topic_options(name: str) -> tuple[str, ...]:
    """A topic, as Kafka's tool has it named."""
    return "--topic", name


def group_options(wish: TopicWish) -> tuple[str, ...]:
    """Its groups: the main one, and those of Triggers that start in the past."""
    return "--group", f"{wish.name}.", "--resource-pattern-type", "prefixed"


def judge_rights(
    what: str, rights: int, wanted: Sequence[Right], grantee: Grantee, options: Sequence[str]
) -> Iterator[Finding]:
    """Bits of what this login may do, against what is done: each that is missing is told with its loss."""
    if rights == UNKNOWN_RIGHTS:
        yield skipped(Check.KAFKA_RIGHTS, f"{what}: it does not tell")
        return
    missing = [one for one in wanted if not rights >> OPERATIONS[one.operation] & 1]
    for one in missing:
        tell = failure if one.is_vital else warning
        words = f"{what}: {one.operation} is not allowed: {one.loss}"
        yield tell(Check.KAFKA_RIGHTS, words, grantee.command([one.operation], *options))
    if not missing:
        names = ", ".join(one.operation for one in wanted)
        yield ok(Check.KAFKA_RIGHTS, f"{what}: {names} are allowed")


def judge_denied(wish: TopicWish, grantee: Grantee) -> Finding:
    """This login may not even know of the topic."""
    needed = [one.operation for one in topic_rights(wish, wish.partitions)]
    return failure(
        Check.KAFKA_TOPIC,
        f"{wish.name}: this user may not see it",
        grantee.command(needed, *topic_options(wish.name)),
    )


def judge_producer(grantee: Grantee, *, is_allowed: bool) -> Finding:
    """Whether it was given a producer's number, without which nothing is written. Since Kafka 2.8 the right to write to
    any topic is enough.
    """
    if is_allowed:
        return ok(Check.KAFKA_RIGHTS, "cluster: it may write as an idempotent producer")
    words = "cluster: IdempotentWrite is not allowed, nor Write to any topic: no event is stored, and producers get 503"
    return failure(Check.KAFKA_RIGHTS, words, grantee.command(["IdempotentWrite"], "--cluster"))
