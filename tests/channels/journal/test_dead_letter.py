"""The journal's dead letters obey the laws of every store of dead letters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from channels.dead_letter import DeadLetters
from channels.dead_letter_conformance import LAWS, Law
from channels.journal import Journal


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_the_journals_store_obeys(law: Law, tmp_path: Path) -> None:
    """Over restarts as well: the same storage is the same folder."""

    @asynccontextmanager
    async def make(*, storage: str = "a") -> AsyncIterator[DeadLetters]:
        async with Journal(tmp_path / storage, size_max_bytes=2**30) as journal:
            yield journal.dead_letters

    await law(make)
