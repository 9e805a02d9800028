"""What a window of durable publishing must show before it counts."""

from dataclasses import dataclass, field

import pytest

from tests.benchmarks.machine import CannotRun
from tests.benchmarks.publish import Published, checked


@dataclass
class AnEngine:
    """A process that tells what it has written by then."""

    written: list[int]
    name: str = "engine"
    calls: list[str] = field(default_factory=list)

    def written_bytes(self) -> int:
        return self.written.pop(0)

    def check(self) -> None:
        self.calls.append("check")


def a_window(generator_cpu_s: float = 0.5, remarks: tuple[str, ...] = ()) -> Published:
    return Published(events=100, duration_s=2.0, generator_cpu_s=generator_cpu_s, remarks=remarks)


def test_events_are_counted_by_the_second() -> None:
    assert a_window().per_s == 50


def test_an_engine_that_wrote_what_it_acknowledged_is_believed() -> None:
    """100 events of 1 KB; and the process is asked whether it is still there."""
    engine = AnEngine([7, 7 + 102_400])
    assert checked(engine, lambda duration_s: a_window(), 2.0) == a_window()
    assert engine.calls == ["check"]


def test_an_engine_that_keeps_events_in_memory_alone_is_not() -> None:
    """Durable publishing is the scenario: whoever skips the disk, or whose disk is none, has no figure."""
    with pytest.raises(CannotRun, match=r"^engine acknowledged 100 events and wrote 102,399 bytes to disk$"):
        checked(AnEngine([7, 7 + 102_399]), lambda duration_s: a_window(), 2.0)


def test_a_generator_that_had_no_time_left_is_told() -> None:
    """Then the figure is the generator's."""
    seen = checked(AnEngine([0, 102_400]), lambda duration_s: a_window(1.92, ("5 refused",)), 2.0)
    assert seen.remarks == ("engine: 5 refused", "engine: the load generator was 96% busy")
