"""What a server does with its process: the collector, and the loops that run beside the doors."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from dispatcher.tasks import supervise

GC_THRESHOLDS: Final = (50_000, 20, 100)
"""Events are freed by reference counts; Python's default of 700 has the collector run for every few dozen of them."""
Loops = dict[str, Callable[[], Awaitable[None]]]
"""What runs for ever, by name."""


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


@asynccontextmanager
async def running(loops: Loops) -> AsyncIterator[None]:
    """For the length of the context, run them, each started again where it crashes."""
    tasks = [asyncio.create_task(supervise(name, run), name=name) for name, run in loops.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
