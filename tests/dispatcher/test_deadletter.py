"""The built-in dead letter store: bounded, oldest out first, found by id."""

from hypothesis import given
from hypothesis import strategies as st

from channels.contract import Delivery
from channels.event import Event
from dispatcher.deadletter import AttemptRecord, DeadLetter, DeadLetterStore

EVENT = Event.from_attributes({"id": "1", "source": "/s", "type": "t"}, b"data")
ATTEMPT = AttemptRecord(1.0, "http://sink", 503, 0.1, None, b"busy")
KEY = ("ns", "b", "t")


def add(store: DeadLetterStore, *, data: bytes = b"", attempts: tuple[AttemptRecord, ...] = (ATTEMPT,)) -> DeadLetter:
    event = Event.from_attributes({"id": "1", "source": "/s", "type": "t"}, data)
    store.add(2.0, KEY, "retriesexhausted", event, attempts)
    return next(iter(store))


def test_a_letter_keeps_everything_about_the_failure() -> None:
    """Who, where, why, and every attempt."""
    store = DeadLetterStore(size_max_bytes=10**6)
    store.add(2.0, KEY, "refused", EVENT, (ATTEMPT,))
    assert DeadLetter(1, 2.0, "ns", "b", "t", "refused", EVENT, (ATTEMPT,)) == store.get(1)
    assert (1, 0) == (len(store), store.evicted)


def test_the_newest_come_first() -> None:
    """As an operator reads them."""
    store = DeadLetterStore(size_max_bytes=10**6)
    letters = [add(store) for _ in range(3)]
    assert letters[::-1] == list(store)
    assert [3, 2, 1] == [letter.id for letter in store]


def test_no_letter_is_found_by_an_id_that_is_not_there() -> None:
    """Never given, or not any more."""
    store = DeadLetterStore(size_max_bytes=10**6)
    assert [None, None] == [store.get(0), store.get(1)]
    add(store)
    assert [None, None, None] == [store.get(-1), store.get(0), store.get(2)]


def test_the_oldest_make_room() -> None:
    """The bound holds, what left is counted, and ids go on."""
    store = DeadLetterStore(size_max_bytes=2 * add(DeadLetterStore(size_max_bytes=10**6)).size)
    first, second, third = add(store), add(store), add(store)
    assert ([third, second], 1) == (list(store), store.evicted)
    assert [None, second, third] == [store.get(letter.id) for letter in (first, second, third)]


def test_the_newest_stays_however_large() -> None:
    """A letter that alone is over the bound is kept: it is the one somebody will look for."""
    store = DeadLetterStore(size_max_bytes=10)
    add(store)
    large = add(store, data=bytes(10**6))
    assert [large] == list(store)


def test_answers_are_charged() -> None:
    """A letter's size counts its event and what each attempt kept."""
    plain, busy = (add(DeadLetterStore(size_max_bytes=10**6), attempts=attempts) for attempts in ((), (ATTEMPT,) * 3))
    assert 3 * (128 + len(b"busy")) == busy.size - plain.size


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 3)), max_size=50), st.integers(0, 20_000))
def test_the_bound_holds_after_every_letter(sizes: list[tuple[int, int]], size_max_bytes: int) -> None:
    """At most the bound, or one letter; every letter is kept or counted as evicted; each id finds its own."""
    store = DeadLetterStore(size_max_bytes=size_max_bytes)
    for count, (size, attempts) in enumerate(sizes, 1):
        assert count == add(store, data=bytes(size), attempts=(ATTEMPT,) * attempts).id
        kept = list(store)
        assert sum(letter.size for letter in kept) <= size_max_bytes or len(kept) == 1
        assert count == len(kept) + store.evicted == len(store) + store.evicted
        assert kept == [store.get(letter.id) for letter in kept]


@given(st.lists(st.integers(1, 4), max_size=20), st.integers(1, 60))
def test_many_at_once_are_found_and_bounded_as_one_by_one(runs: list[int], room: int) -> None:
    """Ids have no gap, every letter that is there is found by its own, and the bound holds but for the newest."""
    store = DeadLetterStore(size_max_bytes=room * EVENT.size)
    added = 0
    for run in runs:
        numbers = range(added + 1, added + run + 1)
        deliveries = [Delivery(EVENT.with_attributes({"number": n}), n, EVENT.size) for n in numbers]
        store.extend(2.0, KEY, "backlogfull", deliveries)
        added += run
        assert len(store) <= max(1, room)
    letters = list(store)
    assert list(range(added, store.evicted, -1)) == [letter.id for letter in letters]
    assert all(letter.id == letter.event.get("number") for letter in letters)
    assert letters == [store.get(letter.id) for letter in letters]
    assert store.get(added + 1) is None
