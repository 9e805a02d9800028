"""The codec's memos: whatever they hold, no answer changes, and what they hold is little."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from channels import codec
from channels.errors import MalformedEvent
from channels.event import Event

RAW = {b"ce-specversion": b"1.0", b"ce-id": b"1", b"ce-source": b"/s", b"ce-type": b"t"}
VIEW: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
TIME = "2024-05-01T12:00:00Z"
# What is easily taken for something else: blanks in disguise, values of the other mode, type or version.
TRICKY = [
    "",
    " ",
    "%20",
    '""',
    '"x"',
    " x",
    "x ",
    "\u00a0",
    "%C2%A0",
    "a b",
    "/s",
    "1.0",
    "0.3",
    "1%2E0",
    "x%",
    "é",
    "5",
]
TRICKY += [
    "text/plain",
    "application/json",
    "application/cloudevents+json",
    "u:x",
    TIME,
    TIME.replace(":", "%3A"),
    "-1",
]
ATTRIBUTES = ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "schemaurl"]
ATTRIBUTES += ["ext", "knativebrokerttl"]


def header(name: str) -> bytes:
    return b"content-type" if name == "datacontenttype" else b"ce-" + name.encode()


def text_of(**changes: Any) -> bytes:
    return json.dumps({key: value for key, value in {**VIEW, **changes}.items() if value != "ABSENT"}).encode()


def outcome(message: dict[bytes, bytes] | bytes) -> Any:
    """What a decoding came to, in a form that can be compared."""
    try:
        event = codec.decode_structured(message) if isinstance(message, bytes) else codec.decode(message, b"{}")
    except MalformedEvent as error:
        return type(error), error.path, error.reason
    assert isinstance(event, Event)
    return dict(event.attributes), event.raw, event.data, event.ttl, event.text, event.json_data


def forget() -> None:
    """Empty all memos."""
    for memo in (codec._HEADERS, codec._MEMBERS, codec._PREFIXES):
        memo.clear()
    for known in (codec._KNOWN_RAW, codec._KNOWN_TEXT):
        for name in codec._MEMOISED:
            known[name].clear()


tricky = st.sampled_from(TRICKY)
binary_messages = st.dictionaries(st.sampled_from(ATTRIBUTES), tricky.map(str.encode)).map(
    lambda changes: {**RAW, **{header(name): value for name, value in changes.items()}}
)
structured_messages = st.dictionaries(
    st.sampled_from(ATTRIBUTES), st.one_of(tricky, st.sampled_from([5, True, None, 1.5, 2.0, 2**31, "ABSENT"]))
).map(lambda changes: text_of(**changes))


@given(st.lists(st.one_of(binary_messages, structured_messages), max_size=12))
@example([{**RAW, b"ce-id": b"%20"}, RAW, {**RAW, b"ce-id": b"%20"}])
@example([RAW, {**RAW, b"ce-time": b""}])
@example([text_of(), text_of(id=5), text_of(time=5)])
def test_memos_change_no_answer(messages: list[dict[bytes, bytes] | bytes]) -> None:
    """Each message comes to the same, whatever came before it."""
    forget()
    warm = [outcome(message) for message in [*messages, *messages]]
    cold = [(forget(), outcome(message))[1] for message in messages]
    assert [*cold, *cold] == warm


def test_memos_are_bounded_in_entries_and_in_bytes() -> None:
    """So that no sender can fill the memory with names and values of its own."""
    for number in range(5000):
        extension, media = f"e{number}", f"a/b{number}"
        codec.binary_head(codec.decode_structured(text_of(**{extension: "x"}, source=f"/{number}", type=f"t{number}")))
        codec.decode(
            {**RAW, header(extension): b"x", b"Content-Type": media.encode(), b"ce-source": b"/%d" % number}, b""
        )
    long = "x" * 1000
    codec.binary_head(codec.decode_structured(text_of(**{long: "x"}, source=long, type=long)))
    codec.decode({**RAW, header(long): b"x", b"ce-source": long.encode()}, b"")
    known = [values for memo in (codec._KNOWN_RAW, codec._KNOWN_TEXT) for values in memo.values()]
    for memo in (codec._HEADERS, codec._MEMBERS, codec._PREFIXES, *known):
        assert len(memo) <= 4096
        assert all(len(entry) <= 256 for entry in memo)


def test_a_memo_that_was_emptied_learns_again() -> None:
    """A flood of names must not make what recurs slow for ever."""
    for number in range(5000):
        codec.decode({**RAW, header(f"e{number}"): b"x", b"ce-source": b"/%d" % number}, b"")
    codec.decode({**RAW, b"ce-source": b"/again"}, b"")
    name, known = codec._HEADERS[b"ce-source"]
    assert name == "source"
    assert known is codec._KNOWN_RAW["source"]
    assert b"/again" in known
