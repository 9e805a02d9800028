"""The journal obeys the laws of the contract."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from channels.conformance import LAWS, Law
from channels.journal import Journal
from channels.journal.channel import JournalChannel


class OwnJournal(JournalChannel):
    """A channel with a journal of its own, which opens and closes with it."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal, "default/default")

    async def __aenter__(self) -> Self:
        await self.journal.__aenter__()
        return await super().__aenter__()

    async def __aexit__(self, *exc: object) -> None:
        await super().__aexit__(*exc)
        await self.journal.__aexit__(None, None, None)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., JournalChannel]:
    def make(*, storage: str = "a", events_max: int = 2**40, size_max_bytes: int = 2**30) -> JournalChannel:
        return OwnJournal(Journal(tmp_path / storage, size_max_bytes=size_max_bytes, events_max=events_max))

    return make


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_the_journal_obeys(law: Law, make: Callable[..., JournalChannel]) -> None:
    """Every law of the contract."""
    await law(make)
