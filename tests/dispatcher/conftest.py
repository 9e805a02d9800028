"""What many tests of the dispatcher need."""

from collections.abc import AsyncIterator

import pytest

from channels.contract import Subscription
from tests.dispatcher.play import a_group


@pytest.fixture
async def group() -> AsyncIterator[Subscription]:
    """The membership that a Trigger's queues belong to."""
    async with a_group() as member:
        yield member
