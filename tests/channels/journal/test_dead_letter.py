"""The journal's dead letters obey the laws of every store of dead letters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from channels import damage_conformance
from channels.damage_conformance import DamageLaw
from channels.dead_letter import DeadLetters
from channels.dead_letter_conformance import LAWS, Law
from channels.journal import Journal
from channels.journal.dead_letter import JournalDeadLetters


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_the_journals_store_obeys(law: Law, tmp_path: Path) -> None:
    """Over restarts as well: the same storage is the same folder."""

    @asynccontextmanager
    async def make(*, storage: str = "a") -> AsyncIterator[DeadLetters]:
        async with Journal(tmp_path / storage, size_max_bytes=2**30) as journal:
            yield journal.dead_letters

    await law(make)


@pytest.mark.parametrize(
    ("column", "value"),
    [("body", b"\xc1damaged"), ("attempts", b"\xc1damaged"), ("attempts", b"\x91\x81\xabdestination\xa1\xb3")],
)
@pytest.mark.parametrize("law", damage_conformance.LAWS, ids=lambda law: law.__name__)
async def test_the_journals_store_bears_damage(law: DamageLaw, column: str, value: bytes, tmp_path: Path) -> None:
    """Of the event, and of what was tried."""

    @asynccontextmanager
    async def make(*, storage: str = "a") -> AsyncIterator[DeadLetters]:
        async with Journal(tmp_path / storage, size_max_bytes=2**30) as journal:
            yield journal.dead_letters

    async def damage(store: DeadLetters, letter_id: str) -> None:
        assert isinstance(store, JournalDeadLetters)
        store._file.owe(f"UPDATE dead_letter SET {column} = ? WHERE id = ?", (value, int(letter_id)))
        await store._file.committed()

    await law(make, damage)
