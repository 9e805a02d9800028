import pytest

from eventing.doctor import database_judgement as judgement


@pytest.mark.parametrize(("number", "verdict"), [(150004, "ok"), (120000, "ok"), (110022, "failure")])
def test_versions(number: int, verdict: str) -> None:
    """PostgreSQL 12 and later."""
    assert verdict == judgement.judge_postgres_version(number).verdict


@pytest.mark.parametrize(
    ("found", "is_shared", "verdict"),
    [
        ("0002", True, "ok"),
        (None, True, "failure"),
        ("0001", True, "failure"),
        ("0003", True, "failure"),
        (None, False, "ok"),
        ("0001", False, "ok"),
        ("0003", False, "failure"),
    ],
)
def test_tables(found: str | None, is_shared: bool, verdict: str) -> None:
    """A file is migrated by its server, a shared database by hand; nobody goes back by itself."""
    assert verdict == judgement.judge_tables(found, "0002", is_shared=is_shared).verdict


def test_rights_that_are_missing_are_granted_in_the_advice() -> None:
    """By table; those that are all there are left out."""
    found = judgement.judge_table_rights({"objects": ["UPDATE", "DELETE"], "changes": []}, "app")
    assert ("failure", "GRANT DELETE, UPDATE ON objects TO app;") == (found.verdict, found.advice)
    assert "ok" == judgement.judge_table_rights({"objects": []}, "app").verdict


@pytest.mark.parametrize(("may_create", "verdict"), [(True, "ok"), (False, "failure")])
def test_making_tables(may_create: bool, verdict: str) -> None:
    """Before the first migration."""
    assert verdict == judgement.judge_creation(may_create=may_create, user="app", schema="public").verdict


@pytest.mark.parametrize(
    ("is_replica", "is_read_only", "verdict"),
    [(False, False, "ok"), (True, False, "failure"), (False, True, "failure"), (True, True, "failure")],
)
def test_writing(is_replica: bool, is_read_only: bool, verdict: str) -> None:
    """A standby takes none."""
    assert verdict == judgement.judge_writable(is_replica=is_replica, is_read_only=is_read_only).verdict


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [({"fsync": "on", "synchronous_commit": "remote_apply"}, "ok"), ({"fsync": "off"}, "warning"), ({}, "ok")],
)
def test_durability(settings: dict[str, str], verdict: str) -> None:
    """What is off is told."""
    assert verdict == judgement.judge_durability(settings).verdict


@pytest.mark.parametrize(("used", "verdict"), [(10, "ok"), (90, "warning"), (98, "failure")])
def test_connections(used: int, verdict: str) -> None:
    """Of a hundred."""
    assert verdict == judgement.judge_connections(used, 100).verdict


@pytest.mark.parametrize(("after_s", "verdict"), [(0.001, "ok"), (None, "warning")])
def test_notices(after_s: float | None, verdict: str) -> None:
    """Without them changes are seen late, and seen."""
    assert verdict == judgement.judge_notices(after_s).verdict
