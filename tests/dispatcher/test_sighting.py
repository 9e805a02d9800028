"""Each pair of type and source is told of once, by whatever form it comes in, and no more of them than the bound."""

from channels import codec
from channels.event import Event
from dispatcher.sighting import LENGTH_MAX, Sighting, Sightings


class Waker:
    def __init__(self) -> None:
        self.woken = 0

    def __call__(self) -> None:
        self.woken += 1


def an_event(kind: str = "t", source: str = "/s", **more: str) -> Event:
    return Event.from_attributes({"id": "1", "type": kind, "source": source, **more})


def a_binary_event(kind: bytes = b"t", source: bytes = b"/s") -> Event:
    found = codec.decode({b"ce-specversion": b"1.0", b"ce-id": b"1", b"ce-type": kind, b"ce-source": source}, b"")
    assert isinstance(found, Event)
    assert found.raw is not None
    return found


def test_what_is_seen_first_is_told_of_once() -> None:
    """With what an EventType says of it."""
    sightings = Sightings(Waker())
    sightings.notice([an_event(dataschema="http://schema.test"), an_event(), an_event("u")])
    sightings.notice([an_event()])
    expected = [Sighting("t", "/s", "http://schema.test", "1.0"), Sighting("u", "/s", "", "1.0")]
    assert expected == sightings.drain()
    assert [] == sightings.drain()


def test_header_bytes_and_text_are_the_same_event_type() -> None:
    """Whichever comes first; percent-encoding is only a form."""
    for events in ([a_binary_event(b"%C3%BC"), an_event("ü")], [an_event("ü"), a_binary_event(b"%C3%BC")]):
        sightings = Sightings(Waker())
        sightings.notice(events * 2)
        assert [Sighting("ü", "/s", "", "1.0")] == sightings.drain()


def test_a_known_binary_event_is_not_decoded() -> None:
    """A look into the set needs no text."""
    sightings = Sightings(Waker())
    sightings.notice([a_binary_event()])
    again = a_binary_event()
    sightings.notice([again])
    assert {} == again._view


def test_who_replied_with_it_makes_it_another() -> None:
    """An EventType belongs to one owner."""
    sightings = Sightings(Waker())
    sightings.notice([an_event()])
    sightings.notice([an_event()], "trigger")
    sightings.notice([an_event()], "trigger")
    assert ["", "trigger"] == [one.replier for one in sightings.drain()]


def test_it_wakes_once_until_it_is_drained() -> None:
    """Whoever drains finds all that came meanwhile."""
    waker = Waker()
    sightings = Sightings(waker)
    sightings.notice([an_event("a"), an_event("b")])
    assert 1 == waker.woken
    sightings.drain()
    sightings.notice([an_event("a")])
    assert 1 == waker.woken
    sightings.notice([an_event("c")])
    assert 2 == waker.woken


def test_what_is_beyond_the_bound_is_counted_and_not_told_of() -> None:
    """Each time it comes; what was known before stays known."""
    sightings = Sightings(Waker(), known_max=2)
    sightings.notice([an_event("a"), an_event("b"), an_event("c"), an_event("c"), an_event("a")])
    assert ["a", "b"] == [one.type for one in sightings.drain()]
    assert 2 == sightings.overlooked


def test_what_is_too_long_is_not_kept() -> None:
    """The bound on how many is one on bytes, too."""
    sightings = Sightings(Waker())
    sightings.notice([an_event("t" * (LENGTH_MAX - 1)), an_event("t" * (LENGTH_MAX - 2))])
    assert ([LENGTH_MAX - 2], 1) == ([len(one.type) for one in sightings.drain()], sightings.overlooked)


def test_after_a_reset_everything_is_told_of_once_more() -> None:
    """And nothing twice that was not drained yet."""
    waker = Waker()
    sightings = Sightings(waker)
    sightings.notice([an_event()])
    sightings.reset()
    sightings.notice([an_event(), an_event()])
    assert ([Sighting("t", "/s", "", "1.0")], 2) == (sightings.drain(), waker.woken)


def test_what_is_forgotten_is_told_of_once_more() -> None:
    """In whatever form it comes; the others stay known, and it makes room for another."""
    sightings = Sightings(Waker(), known_max=6)
    both = [a_binary_event(), an_event()]
    sightings.notice([*both, an_event("u")])
    first, _ = sightings.drain()
    for again in both:
        sightings.forget(first)
        sightings.notice([again, *both, an_event("u")])
        assert [first] == sightings.drain()
    sightings.forget(Sighting("unknown", "/s", "", "1.0"))
    assert 0 == sightings.overlooked
