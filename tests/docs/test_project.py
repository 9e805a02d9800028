import os
import re
import subprocess
from pathlib import Path

import pytest

from dispatcher import breaker
from tests.docs.page import PAGES, ROOT, code, fenced, page, rows, section

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGET = re.compile(r"^([a-z]+):.*## ", re.MULTILINE)


def headings(path: Path) -> set[str]:
    """As links name them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    """Links to files lead to files, relative to their page, and those to a part of a page to a heading."""
    for link in LINK.findall(path.read_text()):
        target, _, anchor = link.partition("#")
        if not link.startswith("https://"):
            to = path.parent / target if target else path
            assert to.exists(), link
            assert not anchor or anchor in headings(to), link


def test_every_make_target_that_pages_name_exists() -> None:
    """A target that is gone would be the first thing a stranger types."""
    targets = set(TARGET.findall(page("Makefile")))
    for path in PAGES:
        text = "\n".join((*code(path.read_text()), *fenced(path.read_text(), "sh")))
        assert set() == set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE)) - targets, path.name


def test_make_alone_lists_every_target() -> None:
    """Each target says in one line what it is for."""
    make_free = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    help_text = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, env=make_free).stdout
    phony = next(line for line in page("Makefile").splitlines() if line.startswith(".PHONY:"))
    assert sorted(phony.split()[1:]) == sorted(re.findall(r"^  make ([a-z]+) ", help_text, re.MULTILINE))


@pytest.mark.parametrize("row", rows(section(page("README.md"), "What is promised")), ids=lambda row: row[0])
def test_every_promise_names_a_test_that_exists(row: list[str]) -> None:
    """A promise whose test was renamed or removed is none."""
    file, _, name = code(row[1])[0].partition("::")
    assert re.search(rf"^(async )?def {name}\(", page(file), re.MULTILINE), row[1]


def test_the_table_of_the_breaker_is_the_codes() -> None:
    """Steps a state has no line for stay empty."""
    steps = ("success", "failure", "last failure", "probe")
    states = rows(section(page("ARCHITECTURE.md"), "Breaker"))[:3]
    told = {(row[0], step): cell for row in states for step, cell in zip(steps, row[1:], strict=True) if cell}
    assert breaker._NEXT == told


def test_the_changelog_begins_with_what_is_not_released() -> None:
    """Keep a Changelog: there is always a place for the next line."""
    assert page("CHANGELOG.md").partition("\n## ")[2].startswith("[Unreleased]\n")


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    """What a stranger types is what is checked; no server may be missing, whatever starts it."""
    commands = [line.partition("#")[0].strip() for line in fenced(page("README.md"), "sh")[0].splitlines()]
    assert ["export CI=1", "exec make test"] == page(".ci/run").splitlines()[-2:]
    assert "make test" in commands
    assert os.access(ROOT / ".ci/run", os.X_OK)
