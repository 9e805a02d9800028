"""A server, as one process or as one of several."""

from collections.abc import Sequence
from pathlib import Path

from eventing.role import check
from eventing.settings import Settings


async def serve(settings: Settings, *, paths: Sequence[Path], watch: bool = False, prune: bool = False) -> int:
    """Run a server until SIGTERM or SIGINT; returns the exit code.

    Its resources are those that are stored, and those in these files. With `prune` what files brought earlier and do
    not hold any more is deleted.

    A line on stdout for each of its doors says where it is, once all are open. SIGHUP reads the files again, those of
    access, too. Raises CannotSplit, ManifestError, DataDirTaken, NewerJournal, PortTaken, CannotListen, BadTokenFile,
    BadCertificate and UnprotectedApi before anything was started; whatever it raises, nothing is left open.
    """
    check(settings, has_files=bool(paths))
    # Each is imported where it is the one: a process is none of the others.
    if settings.workers:
        from eventing.app.team import serve_workers

        return await serve_workers(settings, paths=paths, watch=watch, prune=prune)
    if settings.role:
        from eventing.app.member import serve_roles

        return await serve_roles(settings, paths=paths, watch=watch, prune=prune)
    from eventing.app.alone import serve_alone

    return await serve_alone(settings, paths=paths, watch=watch, prune=prune)
