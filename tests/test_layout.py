import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = {"eventing", "channels", "sources", "dispatcher", "migrations", "tests", "helm", "docs", "examples"}
FILES = {
    "pyproject.toml", "requirements.lock", "Makefile", "LICENSE", "README.md", "ARCHITECTURE.md", "DECISIONS.md",
    "CHANGELOG.md", "CONTRIBUTING.md",
}  # fmt: skip
MADE = {"build", "dist", "eventing-data"}
"""What tools leave behind, as .gitignore has it."""


def test_the_top_level_holds_what_belongs_there() -> None:
    """Folders have their place in the design, files are the project's; the rest begins with a dot, or is made."""
    found = {path for path in ROOT.iterdir() if not path.name.startswith(".") and path.suffix != ".egg-info"}
    folders = {path.name for path in found if path.is_dir()} - MADE
    assert set() == folders - FOLDERS
    assert {path.name for path in found if path.is_file()} == FILES


def test_no_folder_is_empty() -> None:
    """A folder of later work waits until it holds something."""
    kept = [path for name in FOLDERS if (path := ROOT / name).is_dir()]
    assert [] == [path.name for path in kept if not any(one.is_file() for one in path.rglob("*"))]


def test_no_file_is_longer_than_a_stranger_reads() -> None:
    """400 lines are the end; a file that grows splits."""
    sources = [path for name in FOLDERS for path in (ROOT / name).rglob("*.py")]
    assert [] == [str(path.relative_to(ROOT)) for path in sources if len(path.read_text().splitlines()) > 400]


def test_what_is_made_is_ignored() -> None:
    """Nothing that a tool leaves behind is ever committed."""
    ignored = re.findall(r"^(\S+?)/?$", (ROOT / ".gitignore").read_text(), re.MULTILINE)
    assert set() == MADE - set(ignored)
