from typing import Any

import pytest

from eventing.doctor import redis_judgement as judgement


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("7.0.15", "ok"), ("8.2", "ok"), ("6.2.7", "warning"), ("6.0.1", "failure"), ("5", "failure")],
)
def test_versions(version: str, verdict: str) -> None:
    """7.0 is wanted, 6.2 is enough."""
    assert verdict == judgement.judge_version({"redis_version": version}).verdict


@pytest.mark.parametrize(
    ("mode", "state", "is_cluster", "verdict"),
    [
        ("standalone", None, False, "ok"),
        ("cluster", "ok", True, "ok"),
        ("cluster", None, True, "ok"),
        ("cluster", "fail", True, "failure"),
        ("cluster", "ok", False, "failure"),
        ("sentinel", None, False, "failure"),
    ],
)
def test_modes(mode: str, state: str | None, *, is_cluster: bool, verdict: str) -> None:
    """A Sentinel keeps no events; a cluster is to be whole, and the address to say that it is one."""
    assert verdict == judgement.judge_mode({"redis_mode": mode}, state, is_cluster=is_cluster).verdict


@pytest.mark.parametrize(("role", "verdict"), [("master", "ok"), ("slave", "failure"), ("replica", "failure")])
def test_roles(role: str, verdict: str) -> None:
    """Replicas take no writes."""
    assert verdict == judgement.judge_role({"role": role}).verdict


APPENDS = {"aof_enabled": 1}


@pytest.mark.parametrize(
    ("info", "config", "verdict", "words"),
    [
        (APPENDS, {"appendfsync": "always"}, "ok", "a 202 is on disk"),
        (APPENDS, {"appendfsync": "everysec"}, "warning", "a second of what had its 202"),
        (APPENDS, {"appendfsync": "no"}, "warning", "the kernel"),
        (APPENDS, {}, "warning", "does not tell"),
        ({**APPENDS, "aof_last_write_status": "err"}, {"appendfsync": "always"}, "failure", "refuses writes"),
        ({}, {"save": "3600 1"}, "warning", "the last snapshot"),
        ({}, {"save": ""}, "warning", "nothing is there"),
        ({}, {}, "warning", "the last snapshot"),
    ],
)
def test_persistence(info: dict[str, Any], config: dict[str, str], verdict: str, words: str) -> None:
    """Only appendfsync always keeps what a 202 says, and each other way says what it loses."""
    found = judgement.judge_persistence(info, config)
    assert (verdict, True) == (found.verdict, words in found.words)


@pytest.mark.parametrize(
    ("status", "config", "verdicts"),
    [
        ("ok", {}, []),
        ("err", {"save": ""}, []),
        ("err", {"save": "3600 1"}, ["failure"]),
        ("err", {"save": "3600 1", "stop-writes-on-bgsave-error": "no"}, ["warning"]),
    ],
)
def test_snapshots(status: str, config: dict[str, str], verdicts: list[str]) -> None:
    """One that failed stops writes, unless the server was told otherwise."""
    found = judgement.judge_snapshots({"rdb_last_bgsave_status": status}, config)
    assert verdicts == [one.verdict for one in found]


@pytest.mark.parametrize(
    ("used", "bound", "verdict"), [(10, 0, "warning"), (10, 100, "ok"), (95, 100, "warning"), (110, 100, "warning")]
)
def test_memory(used: int, bound: int, verdict: str) -> None:
    """A bound is wanted, and room below it."""
    assert verdict == judgement.judge_memory({"used_memory": used << 20, "maxmemory": bound << 20}).verdict


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [("noeviction", "ok"), ("allkeys-lru", "failure"), ("allkeys-random", "failure"), ("volatile-ttl", "warning")],
)
@pytest.mark.parametrize("bound", [0, 100])
def test_eviction(policy: str, bound: int, verdict: str) -> None:
    """Anything but noeviction deletes what was accepted, with a bound today or tomorrow."""
    assert verdict == judgement.judge_eviction({"maxmemory_policy": policy, "maxmemory": bound}).verdict


@pytest.mark.parametrize(("wanted", "good", "verdict"), [("0", 0, "ok"), ("1", 1, "ok"), ("2", 1, "failure")])
def test_replicas(wanted: str, good: int, verdict: str) -> None:
    """Fewer than are wanted stop writes."""
    info = {"min_slaves_good_slaves": good}
    assert verdict == judgement.judge_replicas(info, {"min-replicas-to-write": wanted}).verdict


@pytest.mark.parametrize(("used", "verdict"), [(10, "ok"), (950, "warning")])
def test_clients(used: int, verdict: str) -> None:
    """Of a thousand."""
    assert verdict == judgement.judge_clients({"connected_clients": used, "maxclients": 1000}).verdict


def test_rights_that_are_missing_are_granted_in_the_advice() -> None:
    """In the words of ACL SETUSER."""
    assert "ok" == judgement.judge_rights("eve", [], "eventing:*").verdict
    found = judgement.judge_rights("eve", ["xadd", "xgroup|create"], "eventing:*")
    assert ("failure", "ACL SETUSER eve ~eventing:* +xadd +xgroup|create") == (found.verdict, found.advice)


@pytest.mark.parametrize(("refusal", "verdict"), [(None, "ok"), ("MISCONF", "failure")])
def test_writes(refusal: str | None, verdict: str) -> None:
    """In the server's own words."""
    assert verdict == judgement.judge_writes(refusal).verdict


def test_what_cannot_be_asked_is_skipped() -> None:
    """By name: nobody takes it for well."""
    assert {"skipped"} == {one.verdict for one in judgement.judge_unknown("eve")}
