"""Dead letters and redrives as bytes."""

import pytest

from channels.dead_letter import DeadLetter, Redrive, Selector
from channels.dead_letter_witness import BILL, REFUSED, SILENT
from channels.redis_streams.letter import (
    Head,
    Row,
    number_of,
    pack_attempts,
    pack_body,
    pack_head,
    pack_record,
    read_head,
    unpack_letter,
    unpack_redrive,
)
from channels.witness import an_event

HEAD = Head(1.5, *BILL, "refused")


@pytest.mark.parametrize(
    ("mark", "claim", "expected"),
    [
        (b"", None, (0, "", "")),
        (b"", b"7", (0, "pending", "r7")),
        (b"failed:2:7", None, (2, "failed", "r7")),
        (b"failed:2:7", b"8", (2, "pending", "r8")),
    ],
)
def test_a_letter_is_read_as_it_was(mark: bytes, claim: bytes | None, expected: tuple[int, str, str]) -> None:
    """With the attempts of redrives behind the first ones."""
    tried = pack_attempts((SILENT,)) + pack_attempts((REFUSED, REFUSED))
    letter = unpack_letter(3, HEAD, Row(pack_body(an_event("1"), (REFUSED,)), tried, mark), claim)
    attempts = (REFUSED, SILENT, REFUSED, REFUSED)
    assert DeadLetter("r3", 1.5, BILL, "refused", an_event("1"), attempts, *expected) == letter  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "tried"),
    [
        (pack_body(an_event("1"), ())[:-1] + b"\xff", b""),
        (b"", b""),
        (pack_body(an_event("1"), ()), b"\0\0"),
        (pack_body(an_event("1"), ()), b"\0\0\0\1\xc1"),
    ],
)
def test_a_damaged_letter_is_none(body: bytes, tried: bytes) -> None:
    """Its checksum is wrong, or it ends too soon, or what was tried is nothing."""
    assert unpack_letter(3, HEAD, Row(body, tried, b""), None) is None


def test_a_head_is_read_as_it_was() -> None:
    """One that is damaged, or missing, is none."""
    assert read_head(pack_head(1.5, BILL, "refused")) == HEAD
    assert (BILL, [None, None]) == (HEAD.address, [read_head(None), read_head(b"\xc1")])


@pytest.mark.parametrize(("ended", "ended_s"), [({}, None), ({b"ended": b"2.5"}, 2.5)])
def test_a_redrive_is_read_as_it_was(ended: dict[bytes, bytes], ended_s: float | None) -> None:
    """What was asked for, and how far it came."""
    selector = Selector(namespace="a", ids=("r1",), since_s=1.0)
    fields = {b"record": pack_record(selector, 2.5, 1.0), b"total": b"3", b"delivered": b"1", b"failed": b"2"}
    assert Redrive("r9", selector, 2.5, 1.0, 3, 1, 2, ended_s) == unpack_redrive(b"9", fields | ended)


@pytest.mark.parametrize(
    ("identity", "number"), [("r1", 1), ("r12", 12), ("r", 0), ("r01", 0), ("m1", 0), ("r²", 0), ("", 0)]
)
def test_an_id_is_a_number_or_none(identity: str, number: int) -> None:
    """Nothing but what was given out is an id."""
    assert number == number_of(identity)
