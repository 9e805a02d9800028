"""What the log gives out once more is waited for, and no longer."""

from types import SimpleNamespace
from typing import Any

from dispatcher.replay import Replay


def test_it_is_over_when_all_that_the_log_held_was_offered() -> None:
    """Whatever came since; and it may begin anew."""
    group: Any = SimpleNamespace(lag=2)
    judged = [5]
    replay = Replay(group, lambda: judged[0])
    assert not replay.is_over()
    judged[0], group.lag = 6, 3
    assert not replay.is_over()
    judged[0] = 7
    assert replay.is_over()
    replay.begin()
    assert not replay.is_over()


def test_it_is_over_when_the_log_is_empty() -> None:
    """Others may have read some of it."""
    group: Any = SimpleNamespace(lag=2)
    alone, together = Replay(group, None), Replay(group, lambda: 0)
    assert (False, False) == (alone.is_over(), together.is_over())
    group.lag = 0
    assert (True, True) == (alone.is_over(), together.is_over())
