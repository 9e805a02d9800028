"""A slot is found by what nodes tell of it."""

import pytest

from channels.redis_streams.slot import Slot, slot_of

SEEDS = (("a", 1), ("b", 1))
KEY = "eventing:{default/b}:"


@pytest.mark.parametrize(
    ("key", "number"),
    [
        ("123456789", 12739),
        ("foo{bar}baz", 5061),
        ("bar", 5061),
        ("foo{}{bar}", 8363),
        ("foo{bar", 15278),
        ("foo{bar}{zap}", 5061),
        (KEY, 8078),
    ],
)
def test_what_stands_in_braces_says_the_slot(key: str, number: int) -> None:
    """As CLUSTER KEYSLOT counts; else the whole key does."""
    assert number == slot_of(key)


def test_the_first_node_of_its_range_has_a_slot() -> None:
    """The others are replicas."""
    told = [[0, 2000, [b"a", 1, b"id"]], [2001, 16383, [b"c", 7, b"id", []], [b"d", 7, b"id", []]]]
    assert (("c", 7), (("a", 1), ("c", 7), ("d", 7))) == Slot(SEEDS, KEY).read(told, SEEDS[0])


def test_a_slot_may_be_nowhere() -> None:
    """While a cluster is put together, or has lost a master and its replicas."""
    assert (None, (("a", 1),)) == Slot(SEEDS, KEY).read([[0, 2000, [b"a", 1, b"id"]]], SEEDS[0])
    assert (None, ()) == Slot(SEEDS, KEY).read([[0, 16383]], SEEDS[0])


@pytest.mark.parametrize("host", [None, b"", b"?"])
def test_a_node_without_a_name_is_found_where_one_asked(host: bytes | None) -> None:
    """So nodes behind a balancer say it, and one that nobody has told its name."""
    assert (("b", 7), (("b", 7),)) == Slot(SEEDS, KEY).read([[0, 16383, [host, 7, b"id"]]], SEEDS[1])


def test_who_said_the_truth_is_asked_first() -> None:
    """Then the nodes it told of; seeds stay, and others are known as long as somebody tells of them."""
    slot = Slot(SEEDS, KEY)
    slot.was_found(("b", 1), (("c", 7), ("b", 1)))
    assert (("b", 1), ("c", 7), ("a", 1)) == slot.nodes
    slot.was_not_found(("b", 1))
    assert (("c", 7), ("a", 1), ("b", 1)) == slot.nodes
    slot.was_found(("c", 7), (("d", 7),))
    assert (("c", 7), ("d", 7), ("a", 1), ("b", 1)) == slot.nodes
