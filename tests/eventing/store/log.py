"""A database that tests of feeds and watchers write by hand."""

import asyncio
from collections.abc import Callable
from typing import Any

from eventing.errors import StoreUnavailable
from eventing.resources.identity import Key
from eventing.store.row import ChangeRow


def row(version: int, name: str = "a", namespace: str = "default", size: int = 0) -> ChangeRow:
    body = b'{"v":%d%s}' % (version, b" " * size)
    return ChangeRow(version, "ADDED", Key("", "ConfigMap", namespace, name), "u", body, None)


class Log:
    """A database that holds the changes that the test says, and counts who asks."""

    is_shared = True

    def __init__(self) -> None:
        self.rows: list[ChangeRow] = []
        self.reads = 0
        self.is_away = False

    async def read(self, ask: Callable[[Any], Any]) -> Any:
        self.reads += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreUnavailable("away")
        return ask(self)

    async def write(self, ask: Callable[[Any], Any]) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError
