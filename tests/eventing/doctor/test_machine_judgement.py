import pytest

from eventing.doctor.machine_judgement import judge_descriptors, judge_file_system, judge_fsync, judge_space

GIB = 1024**3


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("ext4", "ok"), ("xfs", "ok"), ("tmpfs", "failure"), ("nfs4", "warning"), ("overlay", "warning")],
)
def test_a_file_system_is_judged_by_what_stays_on_it(kind: str, verdict: str) -> None:
    """And by whether its locks hold."""
    assert verdict == judge_file_system(kind).verdict


@pytest.mark.parametrize(
    ("free_bytes", "verdict"), [(20 * GIB, "ok"), (5 * GIB, "warning"), (1024**2, "failure"), (5 * 1024 * GIB, "ok")]
)
def test_a_disk_is_judged_by_its_room(free_bytes: int, verdict: str) -> None:
    """Against what the journal may hold."""
    assert verdict == judge_space(free_bytes, 10 * GIB).verdict


def test_sizes_are_told_in_units_of_people() -> None:
    """Down to bytes and up to terabytes."""
    assert "2.0 TiB free, and the journal may hold 10 KiB" == judge_space(2 * 1024 * GIB, 10240).words


@pytest.mark.parametrize(("times_s", "verdict"), [([0.001, 0.002, 0.5], "ok"), ([0.05] * 3, "warning")])
def test_fsync_is_judged_in_the_middle(times_s: list[float], verdict: str) -> None:
    """A disk is slow sometimes."""
    assert verdict == judge_fsync(times_s).verdict


@pytest.mark.parametrize(
    ("soft", "hard", "verdict", "advice"),
    [(20_000, 20_000, "ok", ""), (1024, 20_000, "warning", "ulimit -n 11024"), (1024, 4096, "warning", "LimitNOFILE")],
)
def test_descriptors_are_judged_by_the_connections_allowed(soft: int, hard: int, verdict: str, advice: str) -> None:
    """Who may raise the limit is told how."""
    found = judge_descriptors(soft, hard, 10_000)
    assert (verdict, True) == (found.verdict, advice in found.advice)
