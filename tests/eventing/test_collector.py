"""Python's garbage collector, as a server wants it."""

import gc

from eventing.collector import GC_THRESHOLDS, freeze, patient_collector


def test_the_collector_is_patient_as_long_as_the_context() -> None:
    """Afterwards it is as it was, also where contexts lie in one another."""
    before = gc.get_threshold()
    with patient_collector(), patient_collector():
        assert GC_THRESHOLDS == gc.get_threshold()
        freeze()
        assert gc.get_freeze_count()
    assert (before, 0) == (gc.get_threshold(), gc.get_freeze_count())
