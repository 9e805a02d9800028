"""Retention is something to keep to, or nothing."""

import pytest

from channels.retention import NO_RETENTION, Retention


@pytest.mark.parametrize(
    ("retention", "is_any"), [(NO_RETENTION, False), (Retention(1.0, 0), True), (Retention(0.0, 1), True)]
)
def test_both_zero_is_none(retention: Retention, is_any: bool) -> None:
    """One of the two is enough to keep something."""
    assert is_any == bool(retention)
