"""For how long something may rest in the log alone."""

from collections.abc import Mapping

import pytest

from channels.kafka.copying import patience


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"retention.ms": "604800000", "retention.bytes": "-1"}, 151_200_000),
        ({"retention.ms": "-1", "retention.bytes": "-1"}, None),
        ({"retention.ms": "-1", "retention.bytes": "1000000"}, 60_000),
        ({}, 3_600_000),
        (None, 3_600_000),
    ],
)
def test_it_is_a_part_of_the_retention(settings: Mapping[str, str] | None, expected: int | None) -> None:
    """For ever where the log keeps everything; short where it keeps so many bytes, or nobody tells."""
    assert expected == patience(settings)
