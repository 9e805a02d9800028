"""What a channel remembers is what was said here last, until the server knows it."""

from typing import Any

from channels.redis_streams.counting import Counters
from channels.redis_streams.remembering import Remembering


class SmallChannel:
    """It owes nobody anything."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.owed: list[list[Any]] = []

    def owe(self, words: list[Any]) -> None:
        self.owed.append(words)


def remembering() -> Remembering:
    """Of a channel where `a` is 1, as the server says."""
    told = Remembering(SmallChannel(), "key")  # type: ignore[arg-type]
    told.learn([b"a", b"1"])
    return told


def test_what_was_said_while_a_commit_is_under_way_outlives_it() -> None:
    """The server, which knows what was in that commit, does not know what was said since."""
    told = remembering()
    told.set("a", b"2")
    told.put()
    told.set("a", b"3")
    told.committed()
    told.learn([b"a", b"2"])
    assert {"a": b"3"} == told.values
    told.put()
    told.learn([b"a", b"2"])
    assert {"a": b"3"} == told.values
    told.committed()
    told.learn([b"a", b"3", b"b", b"1"])
    assert {"a": b"3", "b": b"1"} == told.values


def test_a_commit_that_is_put_again_is_still_not_known() -> None:
    """What was refused is put once more, with what was said since."""
    told = remembering()
    told.set("a", None)
    told.put()
    told.put()
    told.learn([b"a", b"1"])
    assert {} == told.values
    told.committed()
    told.learn([])
    assert not told.is_ahead


def test_what_another_process_has_taken_over_is_learnt_anew() -> None:
    told = remembering()
    told.set("a", b"2")
    told.forget()
    told.learn([b"a", b"1"])
    assert {"a": b"1"} == told.values
