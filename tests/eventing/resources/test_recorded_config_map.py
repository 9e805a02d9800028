"""ConfigMaps that configure Knative: whether they were taken, and whether we take them.

What we answer differently, and why, is in `DIFFERENCES`.
"""

import pytest

from tests.eventing.resources.recorded import ours, recorded, theirs

ADMISSION = recorded("admission.json", ("ConfigMap",))
DIFFERENCES: dict[str, tuple[str, ...]] = {
    "what configures nothing here is kept as it came, like any other ConfigMap": (
        "config: leader election bad duration",
        "config: leader election buckets 11",
        "config: observability bad protocol",
        "config: sugar bad selector",
        "config: example changed",
    ),
    "defaults that nobody can read are refused when they are written, not met later": ("config: br-defaults nonsense",),
}
"""Why, and in which cases, we answer differently."""
DIFFERENT = {name for names in DIFFERENCES.values() for name in names}


@pytest.mark.parametrize("name", sorted(ADMISSION.keys() - DIFFERENT))
def test_a_config_map_is_taken_as_recorded(name: str) -> None:
    """The same verdict. Its labels are those of the installation, which the requests do not hold."""
    assert ADMISSION[name]["http_status"] == 200
    assert ours(ADMISSION[name]).faults == theirs(ADMISSION[name]).faults == frozenset()


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_a_listed_difference_is_one(name: str) -> None:
    """An entry of the table that no longer differs, or names no case, must leave it."""
    assert (ADMISSION[name]["http_status"] == 200) != (ours(ADMISSION[name]).faults == frozenset())
