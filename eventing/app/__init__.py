"""The wiring of a server: builds every object by keyword, starts what runs, and says goodbye in two phases."""

from eventing.app.server import serve

__all__ = ["serve"]
