"""What every test needs: an event loop of its own, and none left behind."""

import asyncio

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """pytest-asyncio would otherwise make a loop at its start that nobody closes, which ends the run with a warning."""
    asyncio.set_event_loop(None)
