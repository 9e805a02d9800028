from pathlib import Path

import pytest

from eventing.doctor.subject import subjects
from eventing.settings import Settings
from tests.eventing.doctor.seen import findings, unwell

TIMEOUT_S = 1.0


def names(settings: Settings, *paths: Path) -> list[str]:
    """Of what is looked at."""
    return [one.name for one in subjects(settings, paths, timeout_s=TIMEOUT_S)]


def test_the_machine_and_the_database_are_looked_at_in_any_case(tmp_path: Path) -> None:
    """The rest is what manifests name."""
    settings = Settings(data_dir=tmp_path)
    assert ["this machine", f"database sqlite:///{tmp_path / 'resources.db'}"] == names(settings)
    assert ["this machine", f"database sqlite:///{tmp_path / 'resources.db'}", "manifests"] == names(settings, tmp_path)


def test_the_password_of_the_database_is_a_secret() -> None:
    """It is hidden in whatever the database says."""
    found = subjects(Settings(database_url="postgresql://u:hunter2@h/x"), (), timeout_s=TIMEOUT_S)
    assert ["database postgresql://u:***@h/x"] == [one.name for one in found if "hunter2" in one.secrets]


@pytest.mark.parametrize("url", ["postgresql://h:port/x", "postgresql://[::1"])
async def test_a_url_that_cannot_be_read_is_a_failure(url: str) -> None:
    """Whatever it begins with."""
    found = subjects(Settings(database_url=url), (), timeout_s=TIMEOUT_S)[1]
    assert {"database-reachable": "failure"} == unwell(await findings(found.examine()))
