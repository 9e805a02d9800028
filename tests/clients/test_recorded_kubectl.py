"""What a real kubectl asked of a real API server, asked of ours: the same answers, but for `DIFFERENCES`."""

from typing import Final

import pytest

from tests.clients.conftest import Start
from tests.clients.difference import ALONE, KUBECTL, QUICKER
from tests.clients.recorded import commands, replay
from tests.clients.replay import Differences, Found

FOLDERS: Final = ("wire/kubectl", "knative/wire/kubectl", "knative/wire/kubectl2")
DIFFERENCES: Final[dict[str, tuple[Differences, ...]]] = dict.fromkeys(FOLDERS, (KUBECTL,)) | {
    "wire/kubectl": (KUBECTL, ALONE)
}


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
    tables = (*DIFFERENCES[command[0]], QUICKER)
    left = [one for one in found.get(command, []) if not any(one.is_covered(table) for table in tables)]
    assert "" == "\n".join(map(str, left))


def test_every_listed_difference_is_one(found: dict[tuple[str, str], list[Found]]) -> None:
    """An entry of the table that covers nothing must leave it."""
    for table in (KUBECTL, ALONE):
        some = [one for (folder, _), found_in in found.items() if table in DIFFERENCES[folder] for one in found_in]
        used = {entry for one in some for entry in one.reasons(table)}
        assert set() == {entry for entries in table.values() for entry in entries} - used
