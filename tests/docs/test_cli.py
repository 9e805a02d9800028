import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from eventing.cli import app
from tests.docs.page import code, page, section, sections

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
    expected = {name for parameter in COMMANDS[path].params for name in parameter.opts if name.startswith("-")}
    told = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", " ".join(code(section(PAGE, path)))))
    assert expected - EVERYWHERE == told


def test_what_holds_for_all_commands_stands_at_the_top() -> None:
    """Help and completion are told once."""
    assert set() == EVERYWHERE - set(" ".join(code(PAGE.partition("\n## ")[0])).split())
