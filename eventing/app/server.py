"""A server, as one process or as one of several."""

from collections.abc import Sequence
from pathlib import Path

from eventing.app.alone import serve_alone
from eventing.app.member import serve_roles
from eventing.app.team import serve_workers
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
    if settings.workers:
        return await serve_workers(settings, paths=paths, watch=watch, prune=prune)
    if settings.role:
        return await serve_roles(settings, paths=paths, watch=watch, prune=prune)
    return await serve_alone(settings, paths=paths, watch=watch, prune=prune)
