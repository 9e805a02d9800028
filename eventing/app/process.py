"""What a server does with its process: the loops that run beside the doors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from dispatcher.tasks import supervise

Loops = dict[str, Callable[[], Awaitable[None]]]
"""What runs for ever, by name."""


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
