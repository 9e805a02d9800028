"""`eventing doctor`: what a server would meet, in lines for people and for programs."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from eventing.cli import app
from eventing.cli.output import Failure

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
    assert "1 objects can be applied" in result.stdout


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
