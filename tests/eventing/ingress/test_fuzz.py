"""Whatever a producer sends: no 5xx, no hang, no half-stored batch, and a connection in a sane state."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.memory import MemoryChannel
from tests.eventing.ingress.door import CHUNKED, HEADERS, KINDS, Door, Kind, memory_channel, opened, request

BATCH = "application/cloudevents-batch+json"
MEDIA = [
    "application/json",
    "text/plain",
    "application/cloudevents+json",
    BATCH,
    "application/cloudevents+xml",
    "x",
    "",
]
LAST = b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

tokens = st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}", fullmatch=True).map(str.encode)
fields = st.binary(max_size=20).map(lambda value: bytes(byte for byte in value if byte > 31 and byte != 127).strip())
escapes = st.lists(st.sampled_from(["%", "%2", "%20", "%zz", "%ff", "%C3%A9", "%C3", '"', "\\", "a", " "])).map(
    lambda parts: "".join(parts).strip().encode()
)
values = st.one_of(fields, escapes, st.sampled_from(["1.0", "0.3", "/s", "1", "-1", *MEDIA]).map(str.encode))
attributes = st.sampled_from(
    ["specversion", "id", "source", "type", "time", "subject", "dataschema", "knativebrokerttl"]
)
headers = st.lists(
    st.one_of(
        st.tuples(attributes.map(lambda name: b"Ce-" + name.encode()), values),
        st.tuples(tokens.map(lambda name: b"ce-" + name), values),
        st.tuples(st.sampled_from([b"Content-Type", b"traceparent", b"tracestate", b"X-Any"]), values),
    ),
    max_size=6,
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(MEDIA))
jsons = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner), max_leaves=8
)
members = st.one_of(attributes, st.sampled_from(["data", "data_base64", "datacontenttype", "ext"]), st.text(max_size=4))
near_events = st.dictionaries(members, jsons, max_size=4).map(
    lambda changes: {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **changes}
)
bodies = st.one_of(
    st.binary(max_size=40),
    st.one_of(jsons, near_events, st.lists(near_events, max_size=3)).map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda value, cut: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")[:cut],
        near_events, st.integers(0, 200),
    ),
).filter(lambda body: len(body) <= 1000)  # fmt: skip
paths = st.sampled_from(
    [b"/default/orders"] * 6 + [b"/default/orders/?x", b"/", b"/un/known", b"*", b"/%2f%00%zz", b"/healthz"]
)
methods = st.sampled_from([b"POST"] * 8 + [b"GET", b"PUT", b"OPTIONS", b"DELETE"])


@st.composite
def requests(draw: Callable[[Any], Any]) -> bytes:
    """Well-formed HTTP around anything."""
    body = draw(bodies)
    lines = [b"%b %b HTTP/1.1" % (draw(methods), draw(paths))]
    lines += [f"{name}: {value}".encode() for name, value in HEADERS.items() if draw(st.integers(0, 9))]
    more = draw(headers)
    lines = [lines[0], *(b"%b: %b" % header for header in more), *lines[1:]]
    if draw(st.booleans()):
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", draw(chunked(body))])


@st.composite
def chunked(draw: Callable[[Any], Any], body: bytes) -> bytes:
    parts = []
    while body:
        size = draw(st.integers(1, len(body)))
        parts.append(b"%x%b\r\n%b\r\n" % (size, draw(st.sampled_from([b"", b";a=b", b';a="b"'])), body[:size]))
        body = body[size:]
    return b"".join([*parts, b"0\r\n", draw(st.sampled_from([b"", b"ce-late: 1\r\n", b"x: y\r\nz: \r\n"])), b"\r\n"])


def packets_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


class Running:
    """One ingress for all examples of a test, in a loop of its own."""

    def __init__(self, runner: asyncio.Runner, door: Door) -> None:
        self._runner = runner
        self.door = door

    def exchange(self, packets: list[bytes], *, is_end: bool = False) -> list[tuple[int, bool]]:
        """Status of each answer, and whether it says close, until the server closed the connection."""
        return self._runner.run(self._exchange(packets, is_end=is_end))

    async def _exchange(self, packets: list[bytes], *, is_end: bool) -> list[tuple[int, bool]]:
        async with self.door.producer() as producer:
            for packet in packets:
                producer.writer.write(packet)
                await asyncio.sleep(0)
            if is_end:
                producer.writer.write_eof()
            return answers_of(await producer.rest())


def answers_of(data: bytes) -> list[tuple[int, bool]]:
    """All of the bytes are whole answers."""
    answers = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        assert status, f"no answer: {head!r}"
        assert length, f"no length: {head!r}"
        assert int(length[1]) <= len(data)
        data = data[int(length[1]) :]
        answers.append((int(status[1]), b"connection: close" in head.lower()))
    return answers


def running(kind: Kind) -> Iterator[Running]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        opening = opened(kind)
        door = runner.run(opening.__aenter__())
        yield Running(runner, door)
        runner.run(opening.__aexit__(None, None, None))


@pytest.fixture(scope="module", params=KINDS)
def either(request: pytest.FixtureRequest) -> Iterator[Running]:
    yield from running(request.param)


@pytest.fixture(scope="module")
def ours() -> Iterator[Running]:
    yield from running("protocol")


def assert_sane(answers: list[tuple[int, bool]], count: int) -> None:
    """Every request has its answer, or the last answer said that it is the last."""
    assert answers
    assert all(status < 500 for status, _ in answers)
    assert [len(answers) - 1] == [number for number, (_, is_last) in enumerate(answers) if is_last]
    assert count == len(answers) or answers[-1][0] in (400, 413, 431)


@many
@given(st.lists(requests(), min_size=1, max_size=4), st.lists(st.integers(0, 2000), max_size=6))
def test_well_formed_requests_are_all_answered(either: Running, data: list[bytes], cuts: list[int]) -> None:
    """Whatever they carry, pipelined and in any packets; the request after them too; 202 and stored are the same."""
    channel = either.door.place.channel
    before, accepted = len(channel.submitted), either.door.intake.accepted
    answers = either.exchange(packets_of(b"".join([*data, LAST]), cuts))
    assert_sane(answers, len(data) + 1)
    assert len(data) + 1 == len(answers)
    assert 200 == answers[-1][0]
    stored = sum(status == 202 for status, _ in answers)
    assert stored == either.door.intake.accepted - accepted
    assert stored >= len(channel.submitted) - before
    assert all(channel.submitted)


@many
@given(st.lists(requests(), min_size=1, max_size=3), st.data())
def test_damaged_requests_end_in_a_last_answer_or_in_none(
    ours: Running, data: list[bytes], draw: st.DataObject
) -> None:
    """Bytes flipped, cut out, put in, cut off: what is answered is answered whole, then the connection ends."""
    damaged = bytearray(b"".join(data))
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(damaged)))
        removed = draw.draw(st.integers(0, 3))
        damaged[place : place + removed] = draw.draw(
            st.binary(max_size=3) | st.sampled_from([b"\r\n", b"\n", b": ", b"0"])
        )
    cuts = draw.draw(st.lists(st.integers(0, 2000), max_size=4))
    answers = ours.exchange(packets_of(bytes(damaged), cuts), is_end=True)
    assert all(status < 500 for status, _ in answers)
    assert not any(is_last for _, is_last in answers[:-1])


@many
@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=5))
def test_garbage_is_refused_once(ours: Running, packets: list[bytes]) -> None:
    """One 400 that is the last answer, or nothing where too little came to tell."""
    assert ours.exchange(packets, is_end=True) in ([(400, True)], [])


@many
@given(requests(), st.integers(1, 400))
def test_a_request_that_is_cut_off_is_not_stored(ours: Running, data: bytes, missing: int) -> None:
    """Nor answered; the server goes on."""
    before = len(ours.door.place.channel.submitted)
    assert [] == ours.exchange([data[: max(0, len(data) - missing)]], is_end=True)
    assert before == len(ours.door.place.channel.submitted)


@many
@given(st.integers(0, 3000), st.integers(1, 700), st.lists(st.integers(0, 4000), max_size=5))
def test_a_body_is_taken_up_to_its_bound_however_it_is_framed(
    ours: Running, size: int, chunk: int, cuts: list[int]
) -> None:
    """The two framings come to the same, and the refusal is not lost to a reset."""
    body = b"x" * size
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in (body[i : i + chunk] for i in range(0, size, chunk))]
    status = 202 if size <= 1000 else 413
    for data in (request(body), CHUNKED + b"".join(chunks) + b"0\r\n\r\n"):
        answers = ours.exchange(packets_of(data + LAST, cuts))
        assert status == answers[0][0]
        assert_sane(answers, 2)


@many
@given(st.lists(st.lists(st.sampled_from(["", "", "", "", "", "", "", "id", "source", "ttl"]), max_size=6), max_size=5))
def test_a_batch_is_stored_whole_or_not_at_all(full: tuple[Running, MemoryChannel], batches: list[list[str]]) -> None:
    """One fault refuses it, and so does a channel that has room for some of it only."""
    ingress, channel = full
    for faults in batches:
        events = [{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "ext": "x"} for _ in faults]
        for event, fault in zip(events, faults, strict=True):
            event.update({"ttl": {"knativebrokerttl": "1"}, "": {}}.get(fault, {fault: ""}))
        body = json.dumps(events).encode()
        before = channel.statistics().stored
        [(status, _), _] = ingress.exchange([request(body, Content_Type=BATCH), LAST])
        stored = channel.statistics().stored - before
        has_room = before + len(events) <= 100
        expected = (400, 0) if any(faults) else (202, len(events)) if has_room or not events else (503, 0)
        assert expected == (status, stored)


@pytest.fixture
def full() -> Iterator[tuple[Running, MemoryChannel]]:
    """An ingress whose channel holds 100 events, of which none is ever taken."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        holding = memory_channel(events_max=100)
        channel = runner.run(holding.__aenter__())
        group = channel.subscribe("g")
        runner.run(group.__aenter__())
        opening = opened("protocol", channel)
        door = runner.run(opening.__aenter__())
        door.place.event_size_max_bytes = 10_000
        yield Running(runner, door), channel
        runner.run(opening.__aexit__(None, None, None))
        runner.run(group.__aexit__(None, None, None))
        runner.run(holding.__aexit__(None, None, None))
