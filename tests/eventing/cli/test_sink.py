"""`eventing sink`: real processes that print what arrives and answer as told."""

import json
import socket

import httpx2
import pytest

from channels import codec
from channels.event import Event
from tests.eventing.cli.process import RunningSink, run, running_sink

EVENT = Event.from_attributes(
    {"id": "1", "source": "/till", "type": "sold", "datacontenttype": "application/json"}, b'{"price": 5}'
)


def post(sink: RunningSink, event: Event = EVENT) -> httpx2.Response:
    return httpx2.post(sink.url, content=event.data or b"", headers=codec.binary_headers(event))


def test_an_event_is_answered_202_and_printed_as_json() -> None:
    """One line for each event, with the answer it got."""
    with running_sink("-o", "json") as sink:
        answer = post(sink)
        line = json.loads(sink.read_line())
    assert (202, b"") == (answer.status_code, answer.content)
    assert 202 == line["status"]
    assert EVENT.attributes == {name: value for name, value in line["event"].items() if name != "data"}
    assert {"price": 5} == line["event"]["data"]


def test_an_event_is_printed_for_people() -> None:
    """Its id and answer, its attributes, its data laid out."""
    expected = [
        "event 1 to / -> 202", "  specversion: 1.0", "  id: 1", "  source: /till", "  type: sold",
        "  datacontenttype: application/json", "  data:", "    {", '      "price": 5', "    }", "",
    ]  # fmt: skip
    with running_sink() as sink:
        post(sink)
        lines = [sink.read_line() for _ in expected]
    assert sorted(expected) == sorted(lines)
    assert expected[6:] == lines[6:]


def test_text_from_a_sender_cannot_steer_the_terminal() -> None:
    """What is unprintable is escaped."""
    event = Event.from_attributes({"id": "1", "source": "/x", "type": "t", "subject": "a\x1b[2Jb"}, b"\x1b]0;title\x07")
    with running_sink() as sink:
        post(sink, event)
        text = "\n".join(iter(sink.read_line, ""))
    assert "\x1b" not in text
    assert "subject: a\\x1b[2Jb" in text


def test_the_first_requests_fail_and_later_ones_do_not() -> None:
    """--fail-first counts requests; its status is 503 unless told."""
    with running_sink("--fail-first", "2") as sink:
        assert [503, 503, 202, 202] == [post(sink).status_code for _ in range(4)]
    with running_sink("--fail-first", "1", "--status", "429") as sink:
        assert [429, 202] == [post(sink).status_code for _ in range(2)]


def test_a_status_alone_is_for_all() -> None:
    """Without --fail-first there is no end to it."""
    with running_sink("--status", "500") as sink:
        assert [500, 500, 500] == [post(sink).status_code for _ in range(3)]


def test_a_reply_is_a_fresh_event_with_the_data_that_came() -> None:
    """Type and source as told, an id of its own, the data byte for byte."""
    with running_sink("--reply-type", "billed", "--reply-source", "/bill") as sink:
        answers = [post(sink), post(sink)]
    [reply], [other] = (codec.decode_request(answer.headers.raw, answer.content) for answer in answers)
    assert (200, "billed", "/bill", EVENT.data) == (answers[0].status_code, reply.type, reply.source, reply.data)
    assert 3 == len({EVENT.id, reply.id, other.id})


def test_a_delay_passes_before_the_answer() -> None:
    """A client that waits less gets no answer."""
    with running_sink("--delay", "600") as sink, pytest.raises(httpx2.ReadTimeout):
        httpx2.post(sink.url, content=b"", headers=codec.binary_headers(EVENT), timeout=0.2)


def test_what_is_no_event_is_answered_400_with_the_reason() -> None:
    """And does not count as one of the first."""
    with running_sink("--fail-first", "1") as sink:
        answer = httpx2.post(sink.url, content=b"hello")
        assert (400, True) == (answer.status_code, answer.text.startswith("not a CloudEvent: "))
        assert [503, 202] == [post(sink).status_code for _ in range(2)]


def test_only_posts_are_answered() -> None:
    """405 says what would be."""
    with running_sink() as sink:
        answer = httpx2.get(sink.url)
    assert (405, "POST") == (answer.status_code, answer.headers["allow"])


def test_a_batch_is_printed_event_by_event() -> None:
    """One request, one answer, a line each."""
    events = [EVENT, EVENT.with_attributes({"id": "2"})]
    with running_sink("-o", "json", "--reply-type", "billed") as sink:
        answer = httpx2.post(sink.url, content=codec.encode_batch(events), headers={"content-type": codec.BATCH})
        seen = [json.loads(sink.read_line())["event"]["id"] for _ in events]
    assert (["1", "2"], 200, b"") == (seen, answer.status_code, answer.content)


def test_an_interrupt_is_how_a_sink_ends_well() -> None:
    """Exit code 0."""
    with running_sink() as sink:
        post(sink)
        assert 0 == sink.stop()


def test_a_taken_port_is_one_clear_line() -> None:
    """It names the option, and the exit code is 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("sink", "--port", str(port))
    assert (1, f"Error: --port {port}: port {port} of 127.0.0.1 is taken; choose another, or 0 for any free one\n") == (
        ended.code,
        ended.err,
    )


def test_a_success_is_no_way_to_fail_first() -> None:
    """Contradicting options are misuse."""
    assert 2 == run("sink", "--port", "0", "--fail-first", "1", "--status", "200").code
