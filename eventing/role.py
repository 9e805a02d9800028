"""What a process may be for, and what settings cannot work together."""

from typing import Final

from eventing.settings import Role, Settings

LOCAL_CHANNELS: Final = ("journal", "memory")
"""Channels of one process."""
_SHARED: Final = "events rest where several processes can reach them: EVENTING_DEFAULT_CHANNEL=redis or kafka"


class CannotSplit(Exception):  # noqa: N818 - named for what it is
    """The operator must act: the server cannot be several processes as it is set up."""


def roles_of(settings: Settings) -> frozenset[Role]:
    """Those that this process has; none are all of them."""
    return frozenset(settings.role)


def check(settings: Settings, *, has_files: bool) -> None:
    """Raise CannotSplit where several processes are asked for and cannot work, or where files go to one that has no API
    to take them.
    """
    option = "--workers" if settings.workers else "--role" if settings.role else ""
    if not option:
        return
    if settings.workers and settings.role:
        raise CannotSplit("--workers: starts processes of its own roles; leave --role away")
    if not settings.resources_url.startswith("postgresql"):
        raise CannotSplit(
            f"{option}: a SQLite file belongs to one process; keep resources in PostgreSQL: --database-url postgresql://..."
        )
    if settings.default_channel in LOCAL_CHANNELS:
        owner = "one process owns a journal" if settings.default_channel == "journal" else "memory is one process's own"
        raise CannotSplit(f"{option}: {owner}; with several of them {_SHARED}")
    if has_files and settings.role and "controller" not in settings.role:
        raise CannotSplit("--filename: resources are taken in by a process with --role controller")
