"""What a real kn asked of a real API server, asked of ours: the same answers, but for `DIFFERENCES`."""

from typing import Final

import pytest

from tests.clients.conftest import Start
from tests.clients.difference import KN as DIFFERENCES
from tests.clients.difference import QUICKER
from tests.clients.recorded import commands, replay
from tests.clients.replay import Found

FOLDERS: Final = ("wire/kn", "knative/wire/kn")


@pytest.fixture(scope="module")
def found(start_server: Start) -> dict[tuple[str, str], list[Found]]:
    """By session and command, each session replayed once on a server of its own."""
    differences: dict[tuple[str, str], list[Found]] = {}
    for folder in FOLDERS:
        for one in replay(folder, start_server()):
            differences.setdefault((folder, one.command), []).append(one)
    return differences


@pytest.mark.parametrize("command", commands(*FOLDERS), ids="-".join)
def test_a_command_is_answered_as_recorded(found: dict[tuple[str, str], list[Found]], command: tuple[str, str]) -> None:
    """The same status, the same kind of body, the same fields and the same words."""
    assert "" == "\n".join(str(one) for one in found.get(command, []) if not one.is_covered(DIFFERENCES | QUICKER))


def test_every_listed_difference_is_one(found: dict[tuple[str, str], list[Found]]) -> None:
    """An entry of the table that covers nothing must leave it."""
    used = {entry for some in found.values() for one in some for entry in one.reasons(DIFFERENCES)}
    assert set() == {entry for entries in DIFFERENCES.values() for entry in entries} - used
