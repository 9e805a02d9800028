"""A page that shows a session in terminals: its commands, and what each is shown to print. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BLOCK: Final = re.compile(r"^```(console|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT: Final = "$ "
_SKIPPED: Final = re.compile(r"^ *\.\.\.$", re.MULTILINE)
_VARYING: Final = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"^Date: .*", re.MULTILINE), "Date: TIME"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"(Resource Version: +)\d+"), r"\1VERSION"),
    (re.compile(r"\b\d+s +(?=True|False|Unknown)"), "AGE "),
    (re.compile(r"[ \r]+$", re.MULTILINE), ""),
)


@dataclass(frozen=True)
class Step:
    """A command and its output; without a command, what the sink's terminal shows meanwhile."""

    command: str
    shown: str


def steps(page: str) -> list[Step]:
    """In their order."""
    return [step for language, text in _BLOCK.findall(page) for step in _steps(language, text)]


def _steps(language: str, text: str) -> Iterator[Step]:
    if language == "text":
        yield Step("", text)
        return
    for part in re.split(rf"^{re.escape(_PROMPT)}", text, flags=re.MULTILINE)[1:]:
        command, shown = re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*\n)(.*)", part, re.DOTALL).groups()  # type: ignore[union-attr]
        yield Step(command.strip(), shown)


def without_varying(text: str) -> str:
    """Without what no two sessions share: times, ages, UIDs, versions."""
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return text.strip("\n")


def is_shown(expected: str, actual: str) -> bool:
    """True where the page says what happened; a line of three dots stands for any lines."""
    parts = re.split(_SKIPPED, without_varying(expected))
    pattern = ".*".join(map(re.escape, parts))
    return re.fullmatch(pattern, without_varying(actual), re.DOTALL) is not None
