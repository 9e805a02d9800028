"""What every test needs: an event loop of its own, none left behind, and real servers at hand."""

import asyncio

import pytest

pytest_plugins = ("tests.rig.fixture",)


def pytest_configure(config: pytest.Config) -> None:
    """pytest-asyncio would otherwise make a loop at its start that nobody closes, which ends the run with a warning."""
    asyncio.set_event_loop(None)
