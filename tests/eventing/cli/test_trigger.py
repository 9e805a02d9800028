"""`eventing trigger`, asked of the real ops API over a real socket."""

from collections.abc import Iterator

import pytest

from tests.eventing.cli.process import Ended, run
from tests.eventing.cli.server import serving
from tests.eventing.small_operations import SmallOperations, trigger


@pytest.fixture
def operations() -> SmallOperations:
    return SmallOperations(trigger_list=[trigger("default", "bill", of="shop"), trigger("other", "bill", of="shop")])


@pytest.fixture
def server(operations: SmallOperations) -> Iterator[str]:
    with serving(operations) as address:
        yield address


def paused(operations: SmallOperations) -> list[bool]:
    return [one.lane.paused for one in operations.trigger_list if one.lane is not None]


def test_a_trigger_is_paused_and_resumed(server: str, operations: SmallOperations) -> None:
    """By name, in the namespace that is given or `default`; stdout has nothing to say."""
    ended = run("trigger", "pause", "bill", "--server", server)
    assert Ended(0, "", "Trigger default/bill is paused\n") == ended
    assert [True, False] == paused(operations)
    run("trigger", "pause", "bill", "-n", "other", "--server", server)
    assert Ended(0, "", "Trigger default/bill is resumed\n") == run("trigger", "resume", "bill", "--server", server)
    assert [False, True] == paused(operations)


def test_a_trigger_that_is_not_there_is_told(server: str) -> None:
    """Exit code 1; a name is a name, whatever is in it."""
    ended = run("trigger", "pause", "a/b", "--server", server)
    assert 1 == ended.code
    assert "answered 404" in ended.err
