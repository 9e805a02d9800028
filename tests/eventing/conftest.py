"""What every test of this folder runs in."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is told of no folder keeps its data in one of the test's own."""
    monkeypatch.setenv("EVENTING_DATA_DIR", str(tmp_path / "data"))
