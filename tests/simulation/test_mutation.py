"""The simulation can fail: each planted bug breaks a law within a few seeds."""

import pytest

from tests.simulation.mutation import BUGS
from tests.simulation.simulation import simulate

SEEDS_MAX = 200


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    """Within two hundred seeds, of two thousand that every build runs."""
    parts = BUGS[bug]
    found = next((seed for seed in range(SEEDS_MAX) if simulate(seed, parts=parts).violations), None)
    assert found is not None
    assert [] == simulate(found).violations, "without the bug all is well"
