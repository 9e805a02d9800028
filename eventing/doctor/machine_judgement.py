"""What the machine is good for, judged by numbers. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, warning

MIB: Final = 1024 * 1024
DISK_FREE_MIN_BYTES: Final = 64 * MIB
"""Below it a journal and a database have no room for a single busy minute."""
FSYNC_SLOW_S: Final = 0.03
"""Above what a spinning disk takes; a producer waits for one of these before its 202."""
DESCRIPTORS_SPARE: Final = 1024
"""Beside the ingress' connections: sinks, channels, the database, files."""
_VOLATILE: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})
_REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"})


def judge_file_system(kind: str) -> Finding:
    """Whether what is written there stays, and whether locks hold. `kind` as in /proc/mounts."""
    if kind in _VOLATILE:
        words = f"{kind} lives in memory: a restart of the machine or container takes journal and resources with it"
        return failure(Check.FILE_SYSTEM, words, "set EVENTING_DATA_DIR to a folder on a disk or a mounted volume")
    if kind in _REMOTE:
        words = f"{kind} is a remote file system: locks and fsync may not mean there what they mean on a disk"
        return warning(Check.FILE_SYSTEM, words, "use a local disk, or a block device mounted by this machine alone")
    if kind == "overlay":
        words = "overlay is a container's own layer: it goes when the container is replaced"
        return warning(Check.FILE_SYSTEM, words, "mount a volume at the data folder")
    return ok(Check.FILE_SYSTEM, kind)


def judge_space(free_bytes: int, wanted_bytes: int) -> Finding:
    """Free space against what the journal may hold by its setting."""
    words = f"{_size(free_bytes)} free, and the journal may hold {_size(wanted_bytes)}"
    if free_bytes < DISK_FREE_MIN_BYTES:
        return failure(Check.DISK_SPACE, words, "make room: where the disk is full, producers get 503")
    if free_bytes < wanted_bytes:
        advice = "make room, or lower EVENTING_JOURNAL_SIZE_MAX_BYTES: the disk would be full before the bound is met"
        return warning(Check.DISK_SPACE, words, advice)
    return ok(Check.DISK_SPACE, words)


def judge_fsync(times_s: Sequence[float]) -> Finding:
    """How long the disk takes to keep something."""
    middle_s = median(times_s)
    words = f"{middle_s * 1000:.2f} ms in the middle of {len(times_s)}, {max(times_s) * 1000:.2f} ms at worst"
    if middle_s > FSYNC_SLOW_S:
        return warning(Check.FSYNC, words, "use a faster disk: no 202 leaves before the event is synchronised with it")
    return ok(Check.FSYNC, words)


def judge_descriptors(soft: int, hard: int, connections_max: int) -> Finding:
    """The limit of open files against the connections that may be open."""
    needed = connections_max + DESCRIPTORS_SPARE
    words = f"{soft} may be open (ulimit -n), and {needed} may be needed for EVENTING_CONNECTIONS_MAX={connections_max}"
    if soft >= needed:
        return ok(Check.DESCRIPTORS, words)
    way = f"run `ulimit -n {needed}` first" if hard >= needed else "raise the limit (systemd: LimitNOFILE=)"
    return warning(Check.DESCRIPTORS, words, f"{way}, or lower EVENTING_CONNECTIONS_MAX")


def _size(size_bytes: float) -> str:
    """In the largest unit that leaves a whole number."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}" if unit in ("B", "KiB") else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} TiB"
