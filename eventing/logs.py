"""Log lines: for people (`text`) or for machines (`json`), one line per record whatever is in it."""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Final, TextIO

from eventing.settings import LogFormat, LogLevel

_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
"""What every record carries; whatever else one carries came from `extra=`."""


class TextFormatter(logging.Formatter):
    """`TIME LEVEL LOGGER: message key=value`. Control characters are escaped: a sender's text cannot forge a line.

    A traceback follows on lines of its own, indented. Of a process with a name all lines begin with it.
    """

    def __init__(self, process: str = "") -> None:
        super().__init__()
        self._prefix = f"{process} " if process else ""

    def format(self, record: logging.LogRecord) -> str:
        """One record as text."""
        message = record.getMessage() + "".join(f" {name}={value}" for name, value in _extras(record).items())
        line = f"{self._prefix}{_time_of(record)} {record.levelname:<7} {record.name}: {_one_line(message)}"
        trace = _traceback_of(record)
        return (
            line
            if trace is None
            else line + "\n" + "\n".join(f"{self._prefix}    {part}" for part in trace.splitlines())
        )


class JsonFormatter(logging.Formatter):
    """One JSON object: `time`, `level`, `logger`, `message`, `exception` if there is one, `process` if that has a name,
    what came by `extra=`.
    """

    def __init__(self, process: str = "") -> None:
        super().__init__()
        self._process = {"process": process} if process else {}

    def format(self, record: logging.LogRecord) -> str:
        """One record as JSON text."""
        fields = {
            **_extras(record),
            **self._process,
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace = _traceback_of(record)
        if trace is not None:
            fields["exception"] = trace
        return json.dumps(fields, default=str)


def configure(level: LogLevel, log_format: LogFormat, *, process: str = "", stream: TextIO | None = None) -> None:
    """Send every record of at least `level` to the stream, stderr unless given; replaces what was configured before.
    `process` is what this process is called among others.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(process) if log_format == "json" else TextFormatter(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each start that it looked at the tables


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD}


def _time_of(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _traceback_of(record: logging.LogRecord) -> str | None:
    if not record.exc_info or record.exc_info[1] is None:
        return None
    return "".join(traceback.format_exception(record.exc_info[1])).rstrip()
