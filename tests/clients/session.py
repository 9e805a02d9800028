"""Scripted sessions of a real kubectl: what a user types, and what is shown, without what no two servers share."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import ndiff
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from tests.rig.kubectl import Ended, Kubectl

STATUS_COLUMNS: Final = {
    "AGE",
    "URL",
    "READY",
    "REASON",
    "SUBSCRIBER_URI",
    "SUBSCRIBER",
    "REPLY",
    "SINK",
    "DEAD_LETTER_SINK",
}
"""Columns of a table that tell of a status, which a server without controllers never writes, or of the time."""
_PLACEHOLDERS: Final = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"(resourceVersion: |Resource Version: +)\"?\d+\"?"), r"\1RV"),
    (re.compile(r"https?://(127\.0\.0\.1|localhost):\d+"), "SERVER"),
    (re.compile(r"\bmade-\w{5}\b"), "made-RANDOM"),
    (re.compile(r"/tmp/\S+"), "FILE"),
    (re.compile(r"(Server Version: ).*"), r"\1VERSION"),
)


@dataclass(frozen=True)
class Step:
    """One command, without the word `kubectl`. With `lines` it is a watch: it goes on until so many lines are shown; of
    these the last are led to by `meanwhile`, a line by each.
    """

    command: str
    exit: int = 0
    since: tuple[int, int] = (1, 0)
    stdin: str = ""
    editor: str = ""
    lines: int = 0
    meanwhile: tuple[str, ...] = ()
    is_distinct: bool = False
    """Lines of a watch that are shown again count once: how often a status is written is each server's own."""
    keep: str = ""
    """A pattern: only lines that have it are compared."""


@dataclass(frozen=True)
class Session:
    """Commands in order, and the files they name. It runs in a namespace of its own."""

    name: str
    steps: Sequence[Step]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """What one step showed."""

    command: str
    exit: int
    lines: tuple[str, ...]


def run(session: Session, kubectl: Kubectl, folder: Path) -> list[Shown]:
    """The whole session; what this kubectl is too old for is left out. Files are written to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in session.files.items():
        (folder / name).write_text(text)
    kubectl.run("create", "namespace", session.name, "--validate=false")
    return [_run(step, session.name, kubectl, folder) for step in session.steps if step.since <= kubectl.version]


def _run(step: Step, namespace: str, kubectl: Kubectl, folder: Path) -> Shown:
    arguments = ("-n", namespace, *shlex.split(step.command))
    if step.lines:
        ended = _watch(step, namespace, kubectl, folder)
    else:
        environment = {"EDITOR": step.editor, "KUBE_EDITOR": step.editor} if step.editor else {}
        ended = kubectl.run(*arguments, stdin=step.stdin, cwd=folder, environment=environment)
    lines = (*shown_lines(ended.stdout), *(f"! {line}" for line in shown_lines(ended.stderr)))
    kept = [line for line in lines if re.search(step.keep, line)]
    return Shown(step.command, ended.exit, tuple(dict.fromkeys(kept) if step.is_distinct else kept))


def _watch(step: Step, namespace: str, kubectl: Kubectl, folder: Path) -> Ended:
    watching = kubectl.watch("-n", namespace, *shlex.split(step.command), cwd=folder)
    count = step.lines - len(step.meanwhile)
    try:
        watching.wait_lines(count, is_distinct=step.is_distinct)
        for number, command in enumerate(step.meanwhile, start=1):
            kubectl.run("-n", namespace, *shlex.split(command), cwd=folder)
            watching.wait_lines(count + number, is_distinct=step.is_distinct)
    finally:
        ended = watching.stop()
    return ended


def shown_lines(text: str) -> list[str]:
    """Lines without ages, UIDs, versions, addresses and status. Columns are told apart by their headings, and their
    width is none of a server's doing.
    """
    lines = list(_tables(list(_without_status(text.splitlines()))))
    for pattern, word in _PLACEHOLDERS:
        lines = [pattern.sub(word, line) for line in lines]
    return lines


def _without_status(lines: Sequence[str]) -> Iterator[str]:
    """Objects in YAML and descriptions lose their status, descriptions their Events."""
    is_within = False
    for line in lines:
        if re.match(r"( *)(- )?(status:|Status:|Events:)( +<none>)?$", line):
            is_within = True
        elif not is_within or re.match(r"\S", line):
            is_within = False
            yield line


def _tables(lines: Sequence[str]) -> Iterator[str]:
    headings: list[tuple[str, int]] = []
    for line in lines:
        if re.fullmatch(r"[A-Z][A-Z_()-]*( +[A-Z][A-Z_()-]*)*", line):
            headings = [(found[0], found.start()) for found in re.finditer(r"[A-Z_()-]+", line)]
            yield " ".join(line.split())
        elif not line.strip():
            headings = []
            yield line
        elif headings and " " in line.strip():
            yield _row(line, headings)
        else:
            yield line


def _row(line: str, headings: Sequence[tuple[str, int]]) -> str:
    ends = [start for _, start in headings[1:]] + [None]
    cells = [(name, line[start:end].strip()) for (name, start), end in zip(headings, ends, strict=True)]
    return " ".join("-" if name in STATUS_COLUMNS or not cell else cell for name, cell in cells)


Differences = Mapping[str, Sequence[tuple[str, str]]]
"""Reason -> where it applies: (pattern of `session: command`, pattern of the line, with its sign)."""


def differences(name: str, real: Sequence[Shown], ours: Sequence[Shown], known: Differences) -> list[str]:
    """Lines that only one server led to, `-` the real one or `+` ours, but for those that the table knows."""
    found = []
    for one, other in zip(real, ours, strict=True):
        place = f"{name}: {one.command}"
        lines = [line for line in ndiff(_with_exit(one), _with_exit(other)) if line[0] in "-+"]
        found += [f"{place}\n{line}" for line in lines if not _is_known(place, line, known)]
    return found


def _with_exit(shown: Shown) -> list[str]:
    return [*shown.lines, f"exit {shown.exit}"]


def _is_known(place: str, line: str, known: Differences) -> bool:
    entries = (entry for entries in known.values() for entry in entries)
    return any(fnmatchcase(place, where) and fnmatchcase(line, pattern) for where, pattern in entries)
