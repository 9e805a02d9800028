"""What a channel counts is what the server said, and what was done since."""

from channels.redis_streams.counting import Counters, unsettled, unsettled_size


def test_what_was_done_counts_once() -> None:
    """While it gathers, while a commit has it, and when the server has counted it."""
    counters = Counters()
    counters.learn([b"events", b"5", b"born", b"mark"])
    assert (5, 0, b"mark") == (counters[b"events"], counters[b"never"], counters.born)
    counters.add(b"events", -2)
    assert 3 == counters[b"events"]
    counters.put()
    counters.add(b"events", -1)
    assert 2 == counters[b"events"]
    counters.learn([b"events", b"6"])
    assert (3, b"") == (counters[b"events"], counters.born)
    counters.done([b"events", b"4"])
    assert 3 == counters[b"events"]


def test_what_another_process_took_over_does_not_count() -> None:
    """Neither what gathers nor what a commit has."""
    counters = Counters()
    counters.learn([b"events", b"5"])
    counters.add(b"events", -2)
    counters.put()
    counters.add(b"events", -1)
    counters.forget()
    assert 5 == counters[b"events"]


def test_groups_have_counters_of_their_own() -> None:
    """By names that no other counter has."""
    assert (b"u:g", b"v:g") == (unsettled(b"g"), unsettled_size(b"g"))
