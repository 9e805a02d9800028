"""`eventing doctor`: what a server would meet, in lines for people and for programs."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from eventing.cli import app
from eventing.cli.output import Failure
from tests.eventing.cli.api import Api
from tests.rig.redis import Redis, running_redis

QUIET = ("--port", "0", "--api-port", "0")


def doctor(*arguments: str) -> Result:
    """How it ends, on ports that are free."""
    return CliRunner().invoke(app, ["doctor", *QUIET, *arguments], catch_exceptions=False)


def verdicts(subjects: list[dict[str, Any]]) -> dict[str, str]:
    """By check."""
    return {one["check"]: one["verdict"] for subject in subjects for one in subject["findings"]}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A Broker."""
    path = tmp_path / "broker.yaml"
    path.write_text("{apiVersion: eventing.knative.dev/v1, kind: Broker, metadata: {name: shop}}")
    return path


def test_a_fresh_folder_is_well(manifest: Path) -> None:
    """It ends with 0, and tells each subject with its checks."""
    result = doctor("-f", str(manifest))
    assert 0 == result.exit_code
    assert "this machine" in result.stdout
    assert "1 objects are well-formed" in result.stdout


def test_a_failure_ends_it_with_1() -> None:
    """Whatever else is well. The password is not shown."""
    result = doctor("--database-url", "postgresql://u:hunter2@127.0.0.1:1/x", "-o", "json")
    found = json.loads(result.stdout)
    assert (1, "failure") == (result.exit_code, verdicts(found)["database-reachable"])
    assert "hunter2" not in result.stdout


def test_a_url_that_is_none_is_told() -> None:
    """As far as it passes for one."""
    result = doctor("--database-url", "postgresql://h:port/x")
    assert (1, True) == (result.exit_code, "database-reachable" in result.stdout)


def test_faults_of_manifests_are_findings(tmp_path: Path) -> None:
    """One line each; the machine is looked at all the same."""
    path = tmp_path / "broker.yaml"
    path.write_text("{apiVersion: eventing.knative.dev/v1, kind: Broker, metadata: {name: shop}, spec: {x: 1}}")
    result = doctor("-f", str(path), "-o", "yaml")
    found = yaml.safe_load(result.stdout)
    assert (1, "failure") == (result.exit_code, verdicts(found)["manifests"])
    assert "spec.x: unknown field" in result.stdout
    assert "data-folder" in verdicts(found)


def test_settings_out_of_range_are_misuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment and from the command line."""
    monkeypatch.setenv("EVENTING_CONNECTIONS_MAX", "none")
    with pytest.raises(Failure) as told:
        doctor("--database-url", "mysql://x")
    assert 2 == told.value.code
    assert all(name in str(told.value) for name in ("EVENTING_CONNECTIONS_MAX", "--database-url"))


CHANNEL = """
apiVersion: messaging.knative.dev/v1alpha1
kind: RedisStreamChannel
metadata: {{name: orders}}
spec: {{address: "redis://127.0.0.1:{port}", auth: {{secret: {{ref: {{name: login}}}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: login}}
data: {{password: {password}}}
"""


@pytest.fixture(scope="module")
def redis(redis_server_program: Path) -> Iterator[Redis]:
    """A server that asks for a password, and evicts."""
    options = ("--maxmemory-policy", "allkeys-lru")
    with running_redis(redis_server_program, password="hunter2", options=options) as server:
        yield server


def channel(redis: Redis, password: str) -> str:
    """A channel on that server."""
    return CHANNEL.format(port=redis.port, password=base64.b64encode(password.encode()).decode())


def test_servers_that_files_name_are_looked_at(redis: Redis, tmp_path: Path) -> None:
    """With the password of the Secret, which nobody sees."""
    path = tmp_path / "channel.yaml"
    path.write_text(channel(redis, "hunter2"))
    result = doctor("-f", str(path), "-o", "json")
    found = json.loads(result.stdout)
    assert f"Redis redis://127.0.0.1:{redis.port} (Secret default/login)" == found[-1]["subject"]
    assert {"redis-eviction": "failure", "redis-rights": "ok"}.items() <= verdicts(found).items()
    assert (1, False) == (result.exit_code, "hunter2" in result.stdout)
    path.write_text(channel(redis, "wrong-one"))
    result = doctor("-f", str(path), "-o", "json")
    assert "failure" == verdicts(json.loads(result.stdout))["redis-login"]
    assert "wrong-one" not in result.stdout


def test_servers_are_looked_at_that_a_running_server_names(api: Api, redis: Redis) -> None:
    """It is asked for what it has stored."""
    for item in yaml.safe_load_all(channel(redis, "hunter2")):
        api.put(item)
    result = doctor("--server", api.url, "-o", "json")
    found = json.loads(result.stdout)
    assert {"manifests": "ok", "redis-login": "ok", "redis-eviction": "failure"}.items() <= verdicts(found).items()
    assert "hunter2" not in result.stdout


def test_a_server_that_is_away_and_two_ways_at_a_time_are_refused(manifest: Path) -> None:
    """1, and 2."""
    with pytest.raises(Failure, match="no server answers"):
        doctor("--server", "http://127.0.0.1:1")
    result = CliRunner().invoke(app, ["doctor", "--server", "http://127.0.0.1:1", "-f", str(manifest)])
    assert 2 == result.exit_code
