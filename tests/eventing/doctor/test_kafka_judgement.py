import pytest

from eventing.doctor import kafka_judgement as judgement


@pytest.mark.parametrize(
    ("faults", "verdict"),
    [({"a": None}, "ok"), ({"a": None, "b": "away"}, "warning"), ({"a": "away", "b": "away"}, "failure")],
)
def test_servers_to_begin_with(faults: dict[str, str | None], verdict: str) -> None:
    """One that answers is enough."""
    assert verdict == judgement.judge_bootstrap(faults).verdict


def test_listeners_that_cannot_be_reached_are_told_one_by_one() -> None:
    """With their address: it is the broker that says it."""
    brokers = {1: "a:9092", 2: "b:9092"}
    assert ["ok"] == [one.verdict for one in judgement.judge_listeners(brokers, {})]
    (found,) = judgement.judge_listeners(brokers, {2: "its name is not known"})
    assert ("failure", "broker 2 says it is at b:9092, and there: its name is not known") == (
        found.verdict,
        found.words,
    )


@pytest.mark.parametrize(
    ("versions", "verdict"),
    [
        ({22: 0, 68: 1}, "ok"),
        ({22: 0, 60: 0}, "ok"),
        ({22: 0, 3: 8}, "ok"),
        ({22: 0, 3: 5}, "warning"),
        ({}, "failure"),
    ],
)
def test_versions(versions: dict[int, int], verdict: str) -> None:
    """By what came with each."""
    assert verdict == judgement.judge_versions(versions).verdict


@pytest.mark.parametrize(("count", "wanted", "verdict"), [(3, 3, "ok"), (1, 1, "warning"), (2, 3, "failure")])
def test_brokers(count: int, wanted: int, verdict: str) -> None:
    """As many as replicas, and three."""
    assert verdict == judgement.judge_brokers(count, wanted).verdict


@pytest.mark.parametrize(("refusal", "verdict"), [(None, "ok"), ("no", "failure")])
def test_making_a_topic(refusal: str | None, verdict: str) -> None:
    """In the cluster's own words; where the right is missing the command is told that gives it."""
    assert verdict == judgement.judge_creation("t", 10, 3, refusal).verdict
    assert ("kafka-acls" if refusal else "") == judgement.judge_creation("t", 10, 3, refusal, "kafka-acls").advice


@pytest.mark.parametrize(
    ("state", "verdict"), [("Stable", "ok"), ("Empty", "ok"), ("Dead", "ok"), ("PreparingRebalance", "warning")]
)
def test_groups(state: str, verdict: str) -> None:
    """One that is between two states may be so for ever."""
    assert verdict == judgement.judge_group("g", state, 2).verdict


def test_a_clock_that_is_not_seen_is_not_judged() -> None:
    """And that is said, with the reason."""
    found = judgement.unseen_clock("too old")
    assert ("skipped", True) == (found.verdict, found.words.startswith("too old; "))
