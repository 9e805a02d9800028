"""Connections to servers that channels rest on, made as the settings say."""

from eventing.backend.contract import Backend, Remote
from eventing.errors import ResolutionError
from eventing.settings import Settings


def create_backend(settings: Settings, engine: Remote) -> Backend:
    """A connection to that server, which was not entered yet."""
    del settings
    raise ResolutionError("EngineNotAvailable", f"this server has no engine for {engine.name}")
