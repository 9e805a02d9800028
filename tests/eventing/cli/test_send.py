"""`eventing send`, to a real sink."""

import json
from pathlib import Path

import pytest

from tests.eventing.cli.process import run, running_sink

SEND = ("--type", "sold", "--source", "/till")


def sent(*arguments: str, stdin: bytes = b"") -> dict[str, object]:
    """The event that one command sends, as the sink saw it."""
    with running_sink("-o", "json") as sink:
        ended = run("send", sink.url, *SEND, *arguments, stdin=stdin)
        assert (0, "", "1 accepted, 0 refused\n") == (ended.code, ended.out, ended.err)
        event = json.loads(sink.read_line())["event"]
    assert isinstance(event, dict)
    return event


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_every_option_becomes_an_attribute(mode: str) -> None:
    """In both modes alike."""
    options = ("--id", "7", "--subject", "till 5", "--ext", "shop=a=b", "--ext", "time=2024-05-01T12:00:00Z")
    expected = {
        "specversion": "1.0", "id": "7", "type": "sold", "source": "/till", "subject": "till 5", "shop": "a=b",
        "time": "2024-05-01T12:00:00Z", "datacontenttype": "application/json", "data": {"price": 5},
    }  # fmt: skip
    assert expected == sent("--mode", mode, *options, "--data", '{"price": 5}')


def test_id_and_time_are_made_where_not_given() -> None:
    """A UUID, and the moment of sending."""
    event = sent()
    assert 36 == len(str(event["id"]))
    assert str(event["time"]).endswith("Z")
    assert not {"data", "data_base64", "datacontenttype"} & event.keys()


@pytest.mark.parametrize(
    ("data", "content_type", "member", "value"),
    [
        (b"[1]", "application/json", "data", [1]),
        (b"hello", "text/plain", "data", "hello"),
        (b"\xff\x00", "application/octet-stream", "data_base64", "/wA="),
    ],
)
def test_data_from_a_file_or_stdin_tells_its_type(
    tmp_path: Path, data: bytes, content_type: str, member: str, value: object
) -> None:
    """JSON where it parses, text where it is UTF-8, else bytes."""
    file = tmp_path / "data"
    file.write_bytes(data)
    from_file, from_stdin = sent("--data-file", str(file)), sent("--data-file", "-", stdin=data)
    assert (content_type, value) == (from_file["datacontenttype"], from_file[member])
    assert (content_type, value) == (from_stdin["datacontenttype"], from_stdin[member])


def test_a_given_content_type_counts() -> None:
    """Nothing is guessed then."""
    assert "text/csv" == sent("--data", "1", "--content-type", "text/csv")["datacontenttype"]


def test_many_events_have_numbered_ids_and_a_summary_with_a_rate() -> None:
    """Each id once, whatever the concurrency."""
    with running_sink("-o", "json") as sink:
        ended = run("send", sink.url, *SEND, "--id", "x", "--count", "20", "--concurrency", "4")
        ids = [json.loads(sink.read_line())["event"]["id"] for _ in range(20)]
    assert (0, True) == (ended.code, ended.err.startswith("20 accepted, 0 refused, "))
    assert {f"x-{number}" for number in range(1, 21)} == set(ids)


def test_a_refused_event_makes_the_exit_code_1() -> None:
    """The summary counts both, and says why."""
    with running_sink("--fail-first", "3") as sink:
        ended = run("send", sink.url, *SEND, "--count", "5")
    assert (1, "2 accepted, 3 refused") == (ended.code, ended.err.partition(", ")[0] + ", 3 refused")
    assert "\n  3 x 503: Service Unavailable\n" in ended.err


def test_nobody_there_is_refused_too() -> None:
    """One clear line, no traceback."""
    with running_sink() as sink:
        pass
    ended = run("send", sink.url, *SEND)
    assert (1, "0 accepted, 1 refused") == (ended.code, ended.err.splitlines()[0])
    assert ended.err.splitlines()[1].startswith("  1 x no answer: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("send", "localhost:1", *SEND), "is no address"),
        (("send", "ftp://localhost/", *SEND), "is no address"),
        (("send", "http://localhost:x/", *SEND), "is no address"),
        (("send", "http://localhost:1/", "--type", "x"), "--source"),
        (("send", "http://localhost:1/", "--type", "x", "--source", "a b"), "source: must be"),
        (("send", "http://localhost:1/", *SEND, "--ext", "x"), "NAME=VALUE"),
        (("send", "http://localhost:1/", *SEND, "--ext", "type=x"), "option of its own"),
        (("send", "http://localhost:1/", *SEND, "--ext", "Big=x"), "Big: "),
        (("send", "http://localhost:1/", *SEND, "--data", "x", "--data-file", "-"), "exclude each other"),
        (("send", "http://localhost:1/", *SEND, "--data-file", "/no/such/file"), "No such file"),
    ],
)
def test_misuse_is_told_before_anything_is_sent(arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, with words and without a traceback."""
    ended = run(*arguments)
    assert (2, True, False) == (ended.code, words in ended.err, "Traceback" in ended.err)
