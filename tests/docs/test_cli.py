import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from eventing.cli import app
from tests.docs.page import PAGES, code, fenced, page, section, sections

PAGE = page("docs/cli.md")
EVERYWHERE = {"-h", "--help", "--install-completion", "--show-completion"}


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with how it is called."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, child in below.items():
        yield from commands(child, f"{path} {name}")


COMMANDS = dict(commands(get_command(app), "eventing"))


def test_every_command_has_its_section() -> None:
    """Neither is a command without its section, nor a section without its command."""
    assert sorted(COMMANDS) == sorted(sections(PAGE))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_of_a_command_stands_there(path: str) -> None:
    """A section tells of exactly the options that its command takes."""
    options = [(*parameter.opts, *parameter.secondary_opts) for parameter in COMMANDS[path].params]
    expected = {name for names in options for name in names if name.startswith("-")}
    told = set(re.findall(r"(?<![\w-])--?[A-Za-z][a-z-]*", " ".join(code(section(PAGE, path)))))
    assert expected - EVERYWHERE == told


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_that_pages_show_can_be_typed(path: Path) -> None:
    """With the options that they are shown with."""
    for block in fenced(path.read_text(), "sh"):
        for line in block.splitlines():
            words = line.partition("#")[0].split()
            if words[:1] != ["eventing"]:
                continue
            called = next(name for name in COMMANDS if words[: len(name.split())] == name.split())
            options = {word.partition("=")[0] for word in words if re.match("--?[A-Za-z]", word)}
            known = {name for parameter in COMMANDS[called].params for name in parameter.opts}
            assert set() == options - known, line


def test_what_holds_for_all_commands_stands_at_the_top() -> None:
    """Help and completion are told once."""
    assert set() == EVERYWHERE - set(" ".join(code(PAGE.partition("\n## ")[0])).split())
