"""What producers and sinks write down, one line each, so that a file of them outlives whoever wrote it. Pure."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, TextIO

NO_ANSWER: Final = 0
DEAD_LETTER: Final = "/deadletter"
"""What follows a Trigger's name where its dead letter sink writes."""


class Sent(NamedTuple):
    """A producer's send, written down before the next one. `status` is NO_ANSWER where the connection was lost."""

    producer: int
    seq: int
    """Counted from 0 by each producer, without a gap."""
    key: str
    route: str
    """Names the Triggers that are to get it."""
    status: int


class Received(NamedTuple):
    """A request at a sink, or its end. A request that is answered at once has one line; another has one with NO_ANSWER
    when it came and, where it could be answered, a second one with its status.
    """

    trigger: str
    """NAME, or NAME/deadletter for what came to its dead letter sink."""
    producer: int
    seq: int
    key: str
    time_s: float
    """Of a clock that only grows."""
    status: int
    is_altered: bool = False
    """The data was not what the producer sent."""

    @property
    def is_accepted(self) -> bool:
        return 200 <= self.status < 300


def event_id(producer: int, seq: int) -> str:
    """The CloudEvents id that tells a sink what it got."""
    return f"{producer}.{seq}"


def parsed_id(text: str) -> tuple[int, int]:
    """Producer and sequence number. Raises ValueError where it is no event of ours."""
    producer, _, seq = text.partition(".")
    return int(producer), int(seq)


def body(producer: int, seq: int) -> bytes:
    """The data of an event: JSON of up to 1 KiB that follows from its id, so that a changed byte is seen."""
    return b'{"id":"%d.%d","pad":"%s"}' % (producer, seq, b"x" * ((producer * 31 + seq * 7919) % 1000))


def written(record: Sent | Received) -> str:
    """The record as a line. No member holds a blank or is empty."""
    mark = "S" if isinstance(record, Sent) else "R"
    return f"{mark} {' '.join(str(int(part) if isinstance(part, bool) else part) for part in record)}\n"


def read(lines: Iterable[str]) -> Iterator[Sent | Received]:
    """The records of a file. A last line that was cut off is left out."""
    for line in lines:
        if not line.endswith("\n"):
            return
        mark, *parts = line.split()
        if mark == "S":
            producer, seq, key, route, status = parts
            yield Sent(int(producer), int(seq), key, route, int(status))
        else:
            trigger, producer, seq, key, time_s, status, altered = parts
            yield Received(trigger, int(producer), int(seq), key, float(time_s), int(status), is_altered=altered == "1")


class Journalist:
    """Appends records to a file."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", buffering=1 << 16)

    def __call__(self, record: Sent | Received) -> None:
        self._file.write(written(record))

    def flush(self) -> None:
        """What was written is the system's now: it outlives this process."""
        self._file.flush()

    def close(self) -> None:
        self._file.close()
