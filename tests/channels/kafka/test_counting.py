"""What a channel holds, as its book has it."""

from channels.kafka.counting import Book
from channels.offsets import Offsets


def a_book(*ends: int, **settled: list[tuple[int, set[int]]]) -> Book:
    """Of a log that goes so far, and of groups: by partition up to where they have settled, and what beyond it."""
    book = Book()
    book.ends = [*ends]
    for name, partitions in settled.items():
        book.known.add(name)
        book.settled[name] = {number: Offsets(*one) for number, one in enumerate(partitions)}
    return book


def test_what_no_group_wants_is_not_held() -> None:
    assert 0 == a_book(5, 5).count()


def test_what_one_group_has_settled_is_not_held() -> None:
    """In order or out of it."""
    assert 3 + 2 == a_book(7, 9, g=[(4, set()), (5, {6, 7})]).count()


def test_what_some_group_has_not_settled_is_held_once() -> None:
    """Whatever the others did."""
    assert 6 == a_book(10, g=[(3, {5, 6})], h=[(6, {7})]).count()


def test_what_is_not_known_of_a_partition_is_not_held() -> None:
    """Another process has it, and says so within seconds."""
    assert 2 == a_book(4, 4, g=[(2, set())]).count()


def test_what_kafka_has_deleted_unread_is_not_held() -> None:
    """Its retention goes by time and size, and asks nobody."""
    book = a_book(10, 10, g=[(2, {3}), (8, set())])
    book.begins = {0: 6, 1: 6}
    assert 4 + 2 == book.count()
    book.begins = {0: 10, 1: 10}
    assert 0 == book.count()


def test_a_group_in_its_past_holds_nothing_against_a_bound() -> None:
    """Of a partition until it is through with what was there before the group: then what it has not settled counts."""
    book = a_book(10, 10, live=[(9, set()), (10, set())], past=[(0, set()), (7, set())])
    book.since["past"] = {0: 8, 1: 6}
    assert 10 + 3 == book.count()
    assert 1 + 3 == book.count(is_past_held=False)
    book.settled["past"][0] = Offsets(8)
    assert 2 + 3 == book.count(is_past_held=False)


def test_a_forgotten_group_holds_nothing() -> None:
    """Nor does one of its name that comes later have its past."""
    book = a_book(10, g=[(0, set())])
    book.since["g"] = {0: 8}
    book.forget("g")
    assert (0, {}) == (book.count(), book.since)


def test_sizes_are_an_average() -> None:
    """Kept for who comes after, until more is known."""
    book, heir = Book(), Book()
    assert (0, None, False) == (book.size_of(9), book.average(), book.has_seen)
    book.see(2, 30)
    kept = book.average()
    assert (135, b"30 2", None) == (book.size_of(9), kept, book.average())
    heir.restore_average(b"")
    heir.restore_average(kept)
    heir.restore_average(b"1 1")
    assert (135, None, True) == (heir.size_of(9), heir.average(), heir.has_seen)


def test_old_sizes_count_for_less_and_less() -> None:
    """The average follows what comes."""
    book = Book()
    for _ in range(3):
        book.see(40_000, 40_000)
    for _ in range(60):
        book.see(40_000, 400_000)
    assert 9_900 <= book.size_of(1000) <= 10_000


def test_a_log_that_is_shorter_than_it_was_known_to_be_has_lost_its_end() -> None:
    """What was heard of it while it was asked is newer than the answer."""
    book = Book()
    book.ends = [10]
    known = 10
    book.found(0, 12)
    book.looked(0, 11, known)
    assert [12] == book.ends
    book.looked(0, 4, 12)
    assert [4] == book.ends
    book.looked(0, 6, 4)
    assert [6] == book.ends


def test_a_group_that_begins_anew_holds_what_is_there() -> None:
    """Whatever was known of the log before, and of what was the group's past."""
    book = a_book(10, 10, g=[(2, set()), (10, set())])
    book.begins, book.since["g"] = {0: 9, 1: 9}, {0: 9, 1: 9}
    book.begins_anew("g", 0, 4)
    book.settled["g"][0] = Offsets(1)
    assert ([4, 10], {1: 9}, {1: 9}) == (book.ends, book.begins, book.since["g"])
    assert 3 == book.count() == book.count(is_past_held=False)
