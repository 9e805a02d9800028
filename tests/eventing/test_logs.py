"""Log lines: one per record, for people and for machines."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.logs import JsonFormatter, TextFormatter, configure


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was afterwards."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("eventing.test").makeRecord(
        "eventing.test", logging.INFO, "file.py", 1, message, arguments, None, extra=extra
    )
    made.created = 1_714_564_800.25
    return made


def failed() -> logging.LogRecord:
    made = record("it failed")
    try:
        int("broken")
    except ValueError as error:
        made.exc_info = (type(error), error, error.__traceback__)
    return made


def test_a_line_for_people_has_time_level_logger_and_message() -> None:
    """And what came by extra, at its end."""
    expected = "2024-05-01T12:00:00.250Z INFO    eventing.test: 2 events broker=shop"
    assert expected == TextFormatter().format(record("%d events", 2, broker="shop"))


def test_a_line_for_machines_is_one_object() -> None:
    """The same facts, each under its name; extra ones never replace them."""
    expected = {
        "time": "2024-05-01T12:00:00.250Z", "level": "info", "logger": "eventing.test", "message": "2 events",
        "broker": "shop",
    }  # fmt: skip
    assert expected == json.loads(JsonFormatter().format(record("%d events", 2, broker="shop", level="x", time="y")))


@given(st.text(), st.text())
def test_no_text_can_forge_a_line(message: str, extra: str) -> None:
    """Whatever a sender put into an event, a record is one line."""
    made = record("%s", message, subject=extra)
    assert 1 == len(TextFormatter().format(made).splitlines())
    assert 1 == len(JsonFormatter().format(made).splitlines())


def test_a_traceback_is_indented_for_people_and_a_field_for_machines() -> None:
    """It begins no line that could be taken for a record."""
    first, *rest = TextFormatter().format(failed()).splitlines()
    assert first.endswith("it failed")
    assert "    ValueError: invalid literal for int() with base 10: 'broken'" == rest[-1]
    assert all(line.startswith("    ") for line in rest)
    assert json.loads(JsonFormatter().format(failed()))["exception"].endswith("base 10: 'broken'")


def test_a_record_that_says_that_there_is_no_traceback_has_none() -> None:
    """Some libraries say it with False."""
    made = record("x")
    made.exc_info = False  # type: ignore[assignment]
    assert "x" == json.loads(JsonFormatter().format(made))["message"]


@pytest.mark.parametrize(("log_format", "start"), [("text", "20"), ("json", "{")])
def test_configuring_replaces_handlers_and_sets_the_level(root: logging.Logger, log_format: str, start: str) -> None:
    """Twice is once: no line is written two times."""
    stream = io.StringIO()
    for _ in range(2):
        configure("warning", log_format, stream=stream)  # type: ignore[arg-type]
    logging.getLogger("eventing.test").info("not shown")
    logging.getLogger("eventing.test").warning("shown")
    [line] = stream.getvalue().splitlines()
    assert line.startswith(start)
    assert "shown" in line


def test_lines_of_a_process_with_a_name_begin_with_it() -> None:
    """Those of a traceback, too; in JSON it is a field."""
    lines = TextFormatter("worker-1").format(failed()).splitlines()
    assert all(line.startswith("worker-1 ") for line in lines)
    assert "worker-1" == json.loads(JsonFormatter("worker-1").format(record("x")))["process"]
    assert "process" not in json.loads(JsonFormatter().format(record("x")))
