"""This machine: the data folder and its disk, descriptors, ports, and the files that settings name."""

import os
import resource
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from eventing.access import Access, BadTokenFile, UnprotectedApi
from eventing.doctor.certificate_judgement import judge_certificate
from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, skipped, warning
from eventing.doctor.machine_judgement import judge_descriptors, judge_file_system, judge_fsync, judge_space
from eventing.listener import Listener
from eventing.settings import CannotListen, PortTaken, Settings
from eventing.store.cipher import read_keyring
from eventing.store.errors import SecretKeyInvalid
from eventing.tls import BadCertificate

_SYNCS: Final = 16
_BLOCK: Final = bytes(4096)
_OTHERS: Final = 0o077
"""Rights of anybody but the owner."""
_MOUNTS: Final = Path("/proc/self/mounts")


async def examine_machine(settings: Settings) -> AsyncIterator[Finding]:
    """All about it. Writes one file into the data folder, which has no name and is gone at once."""
    holder = _holder(settings.data_dir)
    for finding in _data_folder(settings, holder):
        yield finding
    yield judge_descriptors(*resource.getrlimit(resource.RLIMIT_NOFILE), settings.connections_max)
    yield _ingress_port(settings, holder)
    for finding in _access(settings, holder):
        yield finding
    yield _secret_key(settings.secret_key_file)


def _data_folder(settings: Settings, holder: str | None) -> Iterator[Finding]:
    folder = settings.data_dir
    place = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    try:
        times_s = _sync_times(place)
    except OSError as error:
        words = f"{place}: nothing can be written there: {error.strerror or error}"
        yield failure(Check.DATA_FOLDER, words, "give the user of this process the right to write, or set --data-dir")
        return
    made = "" if place == folder.absolute() else f", which will be made in {place}"
    yield ok(Check.DATA_FOLDER, f"{folder}{made}" + (f"; in use by process {holder}" if holder else ""))
    kind = _file_system(place)
    yield skipped(Check.FILE_SYSTEM, "this system does not tell") if kind is None else judge_file_system(kind)
    yield judge_space(shutil.disk_usage(place).free, settings.journal_size_max_bytes)
    yield judge_fsync(times_s)


def _sync_times(folder: Path) -> list[float]:
    """Seconds that the disk took to keep a block, over and over. Raises OSError."""
    times_s = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            file.write(_BLOCK)
            file.flush()
            began_s = time.perf_counter()
            os.fsync(file.fileno())
            times_s.append(time.perf_counter() - began_s)
    return times_s


def _file_system(folder: Path) -> str | None:
    """The kind of the deepest mount above the folder; None where the system does not say."""
    try:
        lines = [line.split() for line in _MOUNTS.read_text().splitlines()]
    except OSError:
        return None
    above = [(len(words[1]), words[2]) for words in lines if folder.resolve().is_relative_to(words[1])]
    return max(above, default=(0, None))[1]


def _holder(folder: Path) -> str | None:
    """The process that works in the folder, as its lock file says and the system confirms. Takes no lock itself: a
    server that starts at this moment must not find one.
    """
    try:
        number = (folder / "lock").read_text().strip()
        os.kill(int(number), 0)
    except PermissionError:
        return number
    except (OSError, ValueError):
        return None
    return number


def _ingress_port(settings: Settings, holder: str | None) -> Finding:
    try:
        Listener("--port", settings.host, settings.port).close()
    except (PortTaken, CannotListen) as error:
        return _not_free(Check.INGRESS_PORT, error, holder)
    return ok(Check.INGRESS_PORT, f"{settings.host} port {settings.port} is free")


def _access(settings: Settings, holder: str | None) -> Iterator[Finding]:
    """Port, tokens and certificate of the API: read as the server will read them."""
    try:
        access = Access.of(settings)
    except BadTokenFile as error:
        yield failure(Check.API_TOKENS, str(error), "give --api-token-file a file of tokens that this user can read")
        return
    except BadCertificate as error:
        yield failure(Check.API_CERTIFICATE, str(error), "give --tls-cert and --tls-key a certificate and its own key")
        return
    try:
        access.listen(settings.api_host, settings.api_port).close()
        yield ok(Check.API_PORT, f"{settings.api_host} port {settings.api_port} is free")
    except UnprotectedApi as error:
        yield failure(Check.API_PORT, str(error), "give it tokens and a certificate, or listen on loopback")
    except (PortTaken, CannotListen) as error:
        yield _not_free(Check.API_PORT, error, holder)
    yield _private(Check.API_TOKENS, settings.api_token_file, "no token is asked for on loopback")
    if access.certificate is None:
        yield skipped(Check.API_CERTIFICATE, "the API is not encrypted")
    else:
        yield judge_certificate(access.certificate.chain, time.time())


def _not_free(check: Check, error: PortTaken | CannotListen, holder: str | None) -> Finding:
    if isinstance(error, PortTaken) and holder:
        words = f"{error.host} port {error.port} is taken, it seems by the server that is running (process {holder})"
        return ok(check, words)
    return failure(check, str(error), "end what listens there, or choose another address")


def _secret_key(path: Path | None) -> Finding:
    if path is not None:
        try:
            read_keyring(path)
        except SecretKeyInvalid as error:
            return failure(Check.SECRET_KEY, str(error), "give --secret-key-file the key that Secrets are stored with")
    return _private(Check.SECRET_KEY, path, "no key is set: Secrets rest in the database as they are")


def _private(check: Check, path: Path | None, absent: str) -> Finding:
    """Whether a file that was read is its owner's alone."""
    if path is None:
        return skipped(check, absent)
    mode = path.stat().st_mode & 0o777
    if mode & _OTHERS:
        return warning(check, f"{path} has mode {mode:o}: others than its owner may read it", f"chmod 600 {path}")
    return ok(check, f"{path} is its owner's alone")
