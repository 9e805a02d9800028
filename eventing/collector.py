"""Python's garbage collector, as a server wants it. It imports nothing, so that it can be had before all else."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

GC_THRESHOLDS: Final = (50_000, 20, 100)
"""Events are freed by reference counts; Python's default of 700 has the collector run for every few dozen of them."""


@contextmanager
def patient_collector() -> Iterator[None]:
    """Have the collector run seldom, for the length of the context."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def freeze() -> None:
    """What was made so far lives as long as the process: the collector need not visit it again."""
    gc.collect()
    gc.freeze()
