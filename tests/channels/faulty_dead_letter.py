"""Stores of dead letters with one fault each are made of these; and the stage on which a law must catch them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from channels.dead_letter_witness import Factory, Law
from channels.memory_dead_letter import MemoryDeadLetters


class DurableLetters(MemoryDeadLetters):
    """A model of a durable store: it is never gone."""

    is_durable = True

    def reopen(self) -> None:
        """What a faulty one does at a restart."""


def factory(kind: type[MemoryDeadLetters]) -> Factory:
    """Opens stores of that kind, durable ones by the name of their storage."""
    storages: dict[str, Any] = {}

    @asynccontextmanager
    async def make(*, storage: str = "a") -> AsyncIterator[MemoryDeadLetters]:
        if storage in storages and issubclass(kind, DurableLetters):
            storages[storage].reopen()
        else:
            storages[storage] = kind(size_max_bytes=2**30)
        yield storages[storage]

    return make


async def assert_caught(law: Law, kind: type[MemoryDeadLetters]) -> None:
    """The law is broken by a store of that kind, and by its fault alone: without it, it holds."""
    await law(factory(DurableLetters if issubclass(kind, DurableLetters) else MemoryDeadLetters))
    with pytest.raises(AssertionError):
        await law(factory(kind))
