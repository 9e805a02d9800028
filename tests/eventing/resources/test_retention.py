"""The text of annotation `eventing.dev/retention`."""

import pytest

from eventing.resources.retention import Retention, parse_retention


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT24H", Retention(86400.0, 0)),
        ("10Gi", Retention(0.0, 10 * 2**30)),
        ("P7D,10Gi", Retention(7 * 86400.0, 10 * 2**30)),
        ("5M, PT0.5S", Retention(0.5, 5_000_000)),
        ("1048576", Retention(0.0, 2**20)),
        ("0", Retention(0.0, 0)),
    ],
)
def test_an_age_a_size_or_both(text: str, expected: Retention) -> None:
    """In any order; sizes as Kubernetes writes quantities."""
    assert expected == parse_retention(text)


@pytest.mark.parametrize(
    "text", ["", "forever", "-1", "1.5Gi", "10GiB", "P7D,P1D", "1k,1k", "P7D,10Gi,", "PT1S;1k", "١k"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    """Also what says the same thing twice."""
    with pytest.raises(ValueError, match=r"P7D,10Gi|ISO 8601"):
        parse_retention(text)
