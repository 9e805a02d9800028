"""The command line as a whole: version, help, and commands that fail before anything runs."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.event import Event
from eventing.cli.output import DATA_MAX_CHARACTERS, event_text, printable
from tests.eventing.cli.process import run

HEAVY = ("rich", "fastapi", "httpx2", "pydantic_settings", "prometheus_client", "uvicorn", "yaml")


def test_version_prints_the_package_and_the_python() -> None:
    """On stdout, with exit code 0."""
    ended = run("version")
    python = ".".join(map(str, sys.version_info[:3]))
    assert (0, True, "") == (ended.code, ended.out.endswith(f"(Python {python})\n"), ended.err)
    assert run("version", "--short").out.strip() in ended.out


def test_the_command_line_imports_nothing_heavy(tmp_path: Path) -> None:
    """Each command imports what it needs when it runs: `version` starts fast."""
    ended = run("version", PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in ended.err.splitlines()}
    assert "typer" in imported
    assert set() == imported & set(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [(), ("nothing",), ("filter",), ("deadletters", "show"), ("redrives",), ("trigger", "pause"), ("send",)],
)
def test_misuse_has_an_exit_code_of_its_own(arguments: tuple[str, ...]) -> None:
    """2, as everywhere."""
    assert 2 == run(*arguments).code


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--port", "65536"), {}, "--port: "),
        ((), {"EVENTING_PORT": "x"}, "EVENTING_PORT: "),
        ((), {"EVENTING_TTL_MAX": "0"}, "EVENTING_TTL_MAX: "),
        (("-f", "/no/such/file"), {}, "/no/such/file"),
        (("--ingress", "wsgi"), {}, "wsgi"),
    ],
)
def test_serve_refuses_settings_out_of_range(
    arguments: tuple[str, ...], environment: dict[str, str], words: str
) -> None:
    """It names the option, or the variable, and starts nothing."""
    ended = run("serve", *arguments, **environment)
    assert (2, True, "") == (ended.code, words in ended.err, ended.out)
    assert "Traceback" not in ended.err


def test_serve_tells_every_fault_of_its_manifests(tmp_path: Path) -> None:
    """On stderr, with exit code 1."""
    manifest = tmp_path / "broken.yaml"
    manifest.write_text("kind: Nothing\napiVersion: v1\n---\nkind: Nobody\napiVersion: v1\n")
    ended = run("serve", "-f", str(manifest), "--port", "0", "--api-port", "0")
    assert (1, True, True) == (ended.code, "Nothing" in ended.err, "Nobody" in ended.err)
    assert "Traceback" not in ended.err


@given(st.text())
def test_printable_text_holds_nothing_that_steers_a_terminal(text: str) -> None:
    """Line feeds and tabs stay; text that is printable is left alone; once is enough."""
    shown = printable(text)
    assert all(char.isprintable() or char in "\n\t" for char in shown)
    assert shown == printable(shown)
    assert not text.isprintable() or shown == text


def test_long_data_is_cut_for_people_and_says_so() -> None:
    """What is printed is bounded whatever arrives."""
    event = Event.from_attributes(
        {"id": "1", "source": "/x", "type": "t", "datacontenttype": "text/plain"}, "x" * (DATA_MAX_CHARACTERS + 7)
    )
    assert event_text(event).endswith("x\n    (7 characters more)")
