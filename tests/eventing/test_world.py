"""The world: what is there, and whom a change concerns."""

from hypothesis import given
from hypothesis import strategies as st

from eventing.resources.identity import Key
from eventing.world import World

NAMES = "abcdef"
KEYS = st.sampled_from([Key("", "K", "ns", name) for name in NAMES])


def key(name: str) -> Key:
    return Key("", "K", "ns", name)


def test_an_object_is_there_from_when_it_is_put_until_it_is_put_away() -> None:
    world = World()
    world.put(key("a"), None)
    assert world.get(key("a")) is None
    world.put(key("a"), {"n": 1})
    assert {"n": 1} == world.get(key("a"))
    world.put(key("a"), None)
    assert world.get(key("a")) is None


def test_a_replaced_world_has_nothing_of_the_one_before() -> None:
    world = World()
    world.put(key("a"), {"n": 1})
    assert {key("a")} == world.replace({key("b"): {"n": 2}})
    assert (None, {"n": 2}) == (world.get(key("a")), world.get(key("b")))


def test_a_reader_is_told_of_what_it_found_and_of_what_it_missed() -> None:
    world = World()
    world.put(key("a"), {"n": 1})
    look = world.read_as(key("r"))
    assert ({"n": 1}, None) == (look(key("a")), look(key("b")))
    for name in "ab":
        assert {key(name), key("r")} == world.affected([key(name)])
    assert {key("c")} == world.affected([key("c")])


def test_reading_again_forgets_what_was_read_before() -> None:
    world = World()
    world.read_as(key("r"))(key("a"))
    world.read_as(key("r"))(key("b"))
    assert {key("a")} == world.affected([key("a")])
    assert {key("b"), key("r")} == world.affected([key("b")])


def test_a_forgotten_reader_leaves_the_others_in_place() -> None:
    world = World()
    for reader in "rs":
        world.read_as(key(reader))(key("a"))
    world.forget(key("r"))
    world.forget(key("unknown"))
    assert {key("a"), key("s")} == world.affected([key("a")])


@given(st.dictionaries(KEYS, st.sets(KEYS)), st.sets(KEYS))
def test_whom_a_change_concerns_is_the_transitive_closure(reads: dict[Key, set[Key]], changed: set[Key]) -> None:
    """Also where readers read each other in circles, and themselves."""
    world = World()
    for reader, seen in reads.items():
        look = world.read_as(reader)
        for one in seen:
            look(one)
    expected = set(changed)
    for _ in NAMES:
        expected |= {reader for reader, seen in reads.items() if seen & expected}
    assert expected == world.affected(changed)
