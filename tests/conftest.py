"""What every test needs: an event loop of its own, none left behind, and real servers at hand."""

import asyncio
import signal

import pytest

pytest_plugins = ("tests.rig.fixture",)


def pytest_configure(config: pytest.Config) -> None:
    """Whoever runs the tests, and how, makes no difference to them."""
    # pytest-asyncio would otherwise make a loop at its start that nobody closes, which ends the run with a warning.
    asyncio.set_event_loop(None)
    # A shell has what it starts in the background ignore interrupts, and they hand that on to whatever they start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
