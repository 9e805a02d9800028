"""Debian's kubectl, which is years old: who runs Debian may have no other."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.rig.cache import cache_folder, install

PACKAGE: Final = "kubernetes-client"


def debian_kubectl() -> Path:
    """Where it is, or will be."""
    return cache_folder() / PACKAGE / "usr" / "bin" / "kubectl"


def fetch_debian_kubectl() -> bool:
    """Unpack Debian's package, unless that is done. It is not installed, for another kubectl may stand in its place;
    so no root is needed. False where the machine is no Debian.
    """
    if debian_kubectl().is_file():
        return True
    if shutil.which("apt-get") is None:
        return False
    print(f"fetching Debian's {PACKAGE}: its kubectl is a client that tests use", file=sys.stderr, flush=True)
    install(cache_folder() / PACKAGE, _unpack)
    return True


def _unpack(folder: Path) -> None:
    if _download(folder).returncode and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "--quiet"], check=True, capture_output=True, text=True)
    if not list(folder.glob("*.deb")):
        _download(folder).check_returncode()
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(folder)], check=True, capture_output=True, text=True)
    package.unlink()


def _download(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Into that folder, and as the user who runs this, for the folder is nobody else's."""
    command = ["apt-get", "download", "--quiet", "-o", "APT::Sandbox::User=", PACKAGE]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
