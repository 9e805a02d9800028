from pathlib import Path

import pytest

from tests.rig import kubernetes_build
from tests.rig.cache import cache_folder, install
from tests.rig.fixture import miss


def test_the_cache_is_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG base directories have it."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert Path("/elsewhere/eventing/rig") == cache_folder()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert Path("/home/me/.cache/eventing/rig") == cache_folder()


def test_what_is_installed_is_made_once(tmp_path: Path) -> None:
    folder, made = tmp_path / "thing", []
    for _ in range(2):
        install(folder, lambda partial: made.append((partial / "file").write_text("x")))
    assert [1] == made
    assert "x" == (folder / "file").read_text()


def test_what_was_made_by_half_is_made_anew(tmp_path: Path) -> None:
    """A build that failed leaves nothing that looks like one that did not."""
    folder = tmp_path / "thing"

    def fail(partial: Path) -> None:
        (partial / "half").touch()
        raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        install(folder, fail)
    assert not folder.exists()
    install(folder, lambda partial: (partial / "whole").touch())
    assert ["whole"] == [path.name for path in folder.iterdir()]


def test_what_decides_the_build_names_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other modules are another build, beside the first."""
    before = kubernetes_build.kubernetes_folder()
    for file in kubernetes_build.SOURCES.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(kubernetes_build, "SOURCES", tmp_path)
    assert before == kubernetes_build.kubernetes_folder()
    (tmp_path / "go.sum").write_text("other")
    assert before != kubernetes_build.kubernetes_folder()


def test_a_missing_server_skips_a_test_and_fails_it_under_continuous_integration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The words name the way to get it."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL is missing: make rigs"):
        miss("PostgreSQL")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL is missing: make rigs"):
        miss("PostgreSQL")
