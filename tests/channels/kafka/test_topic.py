"""Topics of a channel, and what fits them."""

import pytest

from channels.kafka.topic import room_for

MIB = 2**20


@pytest.mark.parametrize(
    ("message_max_bytes", "expected"),
    [(MIB, 16 * MIB), (40 * MIB, 50 * MIB + 64 * 2**10), (2**31 - 1, 2**31 - 1)],
)
def test_what_fits_the_log_fits_the_topic_beside_it(message_max_bytes: int, expected: int) -> None:
    """A quarter more, for the event is written in another form; never less than was always taken."""
    assert expected == room_for(message_max_bytes)
