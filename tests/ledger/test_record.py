"""Records survive the file that they are written to."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.record import Journalist, Received, Sent, body, event_id, parsed_id, read, written

NAMES = st.text("abc./-0123456789", min_size=1)
NUMBERS = st.integers(min_value=0, max_value=1 << 40)
TIMES = st.floats(min_value=0, allow_infinity=False, allow_nan=False)
SENT = st.builds(Sent, NUMBERS, NUMBERS, NAMES, NAMES, NUMBERS)
RECEIVED = st.builds(Received, NAMES, NUMBERS, NUMBERS, NAMES, TIMES, NUMBERS, st.booleans())


@given(st.lists(SENT | RECEIVED))
def test_records_are_read_as_they_were_written(records: list[Sent | Received]) -> None:
    assert records == list(read(map(written, records)))


def test_a_line_that_was_cut_off_is_left_out() -> None:
    """The writer was killed in the middle of it."""
    record = Sent(1, 2, "k", "order", 202)
    assert [record] == list(read([written(record), written(record)[:-1]]))


def test_a_file_goes_on_where_it_ended(tmp_path: Path) -> None:
    records = [Sent(1, seq, "k", "order", 202) for seq in range(2)]
    for record in records:
        journalist = Journalist(tmp_path / "records")
        journalist(record)
        journalist.flush()
        assert written(record) == (tmp_path / "records").read_text().splitlines(keepends=True)[-1]
        journalist.close()
    assert records == list(read((tmp_path / "records").read_text().splitlines(keepends=True)))


@given(NUMBERS, NUMBERS)
def test_an_id_tells_producer_and_number(producer: int, seq: int) -> None:
    assert (producer, seq) == parsed_id(event_id(producer, seq))
    assert event_id(producer, seq).encode() in body(producer, seq)


@pytest.mark.parametrize("text", ["", "7", "a.b", "1.", ".1"])
def test_what_is_no_id_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parsed_id(text)


@pytest.mark.parametrize(("status", "expected"), [(0, False), (200, True), (202, True), (302, False), (503, False)])
def test_an_answer_of_two_hundred_is_an_acceptance(status: int, expected: bool) -> None:
    assert expected == Received("t", 0, 0, "k", 0.0, status).is_accepted
