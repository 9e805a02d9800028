"""What processes know of dead letters that follow one topic, whatever they do at once and whoever is lost."""

from collections.abc import Sequence
from itertools import count
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from channels.dead_letter import EVERYTHING, Redrive
from channels.dead_letter_witness import BILL, REFUSED
from channels.kafka.batch import Found
from channels.kafka.letter import BOOK, CLAIM, Entry
from channels.kafka.letter_index import LetterIndex
from channels.kafka.producing import Record
from channels.witness import an_event

STEPS: Final = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["add", "claim", "deliver", "fail", "discard", "spoil", "send", "send", "read", "read"]),
        st.integers(0, 5),
    ),
    max_size=60,
)


class Topic:
    """Batches in their order, and what a compaction leaves of them."""

    def __init__(self) -> None:
        self.batches: list[list[Found]] = []
        self._end = 0

    def append(self, records: Sequence[Record]) -> None:
        found = [Found(self._end + at, one.key, one.value, one.headers, 0) for at, one in enumerate(records)]
        self._end += len(found)
        self.batches.append(found)

    def compacted(self) -> list[list[Found]]:
        last = {one.key: one.offset for batch in self.batches for one in batch}
        return [[one for one in batch if last[one.key] == one.offset] for batch in self.batches]


class Process:
    """Writes batches in the order in which it made them, some time later."""

    _origins = count(1)

    def __init__(
        self, topic: Topic, batches: Sequence[Sequence[Found]] | None = None, *, events_max: int = 1000
    ) -> None:
        self.index = LetterIndex(next(self._origins).to_bytes(8, "big"), lambda: 1000.0, events_max=events_max)
        self.owed: list[Sequence[Record]] = []
        self._topic = topic
        self._read = len(topic.batches)
        for batch in topic.batches if batches is None else batches:
            self.index.tell(batch)
        self.owe(self.index.know())
        self.make_room()

    def owe(self, records: Sequence[Record]) -> None:
        if records:
            self.owed.append(records)

    def send(self) -> None:
        if self.owed:
            self._topic.append(self.owed.pop(0))

    def read(self) -> None:
        if self._read < len(self._topic.batches):
            self._read += 1
            self.owe(self.index.tell(self._topic.batches[self._read - 1]))
            self.make_room()

    def make_room(self) -> None:
        while records := self.index.make_room():
            self.owe(records)

    def do(self, verb: str, number: int, name: str) -> None:
        """To the letter of that place among those that fit."""
        if verb == "add":
            self.owe(self.index.add(BILL, "refused", an_event(name), ()))
        elif verb == "claim":
            free = [one.number for one in self.index.chosen(EVERYTHING) if one.redrive_state != "pending"]
            self.owe(self.index.begin(Redrive(name, EVERYTHING, None, 1.0, 0), free[: number + 1]))
        elif verb in ("send", "read"):
            getattr(self, verb)()
        else:
            is_any = verb == "discard"
            chosen = [one for one in self.index.chosen(EVERYTHING) if is_any or one.redrive_state == "pending"]
            for entry in chosen[number : number + 1]:
                self.owe(self._end(verb, entry))

    def _end(self, verb: str, entry: Entry) -> list[Record]:
        value = self.index.add(BILL, "refused", an_event("again"), ())[0].value
        letter = entry.letter(value or b"")
        assert letter is not None
        if verb == "deliver":
            return self.index.deliver(letter)
        if verb == "fail":
            return self.index.fail(letter, (REFUSED,))
        return self.index.discard([entry]) if verb == "discard" else self.index.spoil([entry])

    @property
    def letters(self) -> list[int]:
        return [one.number for one in self.index.chosen(EVERYTHING)]

    @property
    def pending(self) -> set[int]:
        return {one.number for one in self.index.chosen(EVERYTHING) if one.redrive_state == "pending"}

    @property
    def under_way(self) -> dict[str, list[int]]:
        return {
            one.id: [entry.number for entry in self.index.pending(one.id, 1000)]
            for one in self.index.redrives.values()
            if one.ended_s is None
        }


@settings(max_examples=200, deadline=None)
@given(STEPS, st.booleans())
def test_whoever_follows_the_topic_comes_to_the_same(steps: list[tuple[int, str, int]], is_one_lost: bool) -> None:
    """Those who were there, and those who read it anew, whole or compacted. Each letter that is claimed is one of a
    redrive that is under way, and each redrive that is under way has letters.
    """
    topic = Topic()
    processes = [Process(topic) for _ in range(3)]
    for at, (who, verb, number) in enumerate(steps):
        processes[who].do(verb, number, f"k{at + 1:03}")
    living = processes[is_one_lost:]
    while any(one.owed for one in living) or any(one._read < len(topic.batches) for one in living):
        for one in living:
            one.send()
            one.read()
    everybody = [*living, Process(topic), Process(topic, topic.compacted())]
    assert [everybody[0].letters] * len(everybody) == [one.letters for one in everybody]
    for one in everybody:
        assert one.pending == {number for numbers in one.under_way.values() for number in numbers}
        assert all(one.under_way.values())
        assert len(one.pending) == sum(map(len, one.under_way.values()))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["add", "claim", "deliver", "fail", "discard"]), st.integers(0, 5)), max_size=40)
)
def test_what_one_does_alone_is_what_all_know(steps: list[tuple[str, int]]) -> None:
    """To the last count, over a restart and a compaction; and each redrive counts all of its letters."""
    topic = Topic()
    one = Process(topic)
    for at, (verb, number) in enumerate(steps):
        one.do(verb, number, f"k{at + 1:03}")
        while one.owed:
            one.send()
            one.read()
    for other in (Process(topic), Process(topic, topic.compacted())):
        assert one.letters == other.letters
        assert one.under_way == other.under_way
        assert one.index.redrives == other.index.redrives
    for redrive in one.index.redrives.values():
        left = len(one.under_way.get(redrive.id, ()))
        assert redrive.total == redrive.delivered + redrive.failed + left
    kept = [record for batch in topic.compacted() for record in batch if record.value is not None]
    claims = {record.key[1:].decode() for record in kept if record.key is not None and record.key.startswith(CLAIM)}
    assert set(one.under_way) == {claim for claim in claims if one.index.redrives[claim].total}


def of_two(*verbs: str) -> tuple[Topic, Process, Process]:
    """Two processes that know all, the first of which did that."""
    topic = Topic()
    one, other = Process(topic), Process(topic)
    for at, verb in enumerate(verbs):
        one.do(verb, 5, f"k{at + 1}")
        settle(one, other)
    return topic, one, other


def settle(*processes: Process) -> None:
    for _ in range(20):
        for one in processes:
            one.send()
            one.read()


def test_what_was_let_go_does_not_come_back_for_a_moment() -> None:
    """Though the topic tells of what was written before that."""
    _, one, _ = of_two("add", "claim")
    one.do("fail", 0, "")
    one.do("discard", 0, "")
    one.send()
    one.read()
    assert [] == one.letters


def test_a_letter_that_was_stored_twice_is_one_and_ends_no_claim() -> None:
    """As it is where the answer was lost."""
    topic, one, other = of_two("add", "claim")
    topic.append([Record(*topic.batches[0][0][1:4])])
    settle(one, other)
    for process in (one, other):
        assert {1} == process.pending
        [entry] = process.index.chosen(EVERYTHING)
        assert topic.batches[-1][0].offset == entry.offset


def test_of_two_that_claim_at_once_the_first_in_the_topic_has_the_letter() -> None:
    """The other's redrive has ended with nothing."""
    _, one, other = of_two("add")
    other.do("claim", 0, "k8")
    one.do("claim", 0, "k9")
    other.send()
    settle(one, other)
    for process in (one, other):
        assert {"k8": [1]} == process.under_way
        assert [(1, None), (0, 1.0)] == [(each.total, each.ended_s) for each in process.index.redrives.values()]


def test_counts_of_others_take_nothing_away() -> None:
    """Who discards a letter of a redrive has not heard how far that came."""
    _, one, other = of_two("add", "add", "add", "add", "claim")
    one.do("deliver", 0, "")
    one.do("deliver", 0, "")
    other.do("discard", 3, "")
    settle(other, one)
    for process in (one, other):
        [redrive] = process.index.redrives.values()
        assert (4, 2, 1, None) == (redrive.total, redrive.delivered, redrive.failed, redrive.ended_s)


def test_a_damaged_book_is_none() -> None:
    """What it was about is free."""
    topic, one, other = of_two("add", "claim")
    topic.append([Record(BOOK + b"k2", b"damaged", [])])
    settle(one, other)
    for process in (one, other, Process(topic, topic.compacted())):
        assert (set(), {}, [1]) == (process.pending, process.under_way, process.letters)
