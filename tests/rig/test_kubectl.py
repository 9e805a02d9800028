import sys
from pathlib import Path

import pytest

from tests.rig.kubectl import Kubectl


def scripted(folder: Path, script: str) -> Kubectl:
    """A program that is no kubectl, to see what a kubectl would get."""
    program = folder / "kubectl"
    program.write_text(f"#!{sys.executable}\nimport os, sys, time\n{script}\n")
    program.chmod(0o755)
    return Kubectl(program, folder / "kubeconfig", folder / "home")


def test_a_command_is_told_by_its_exit_and_both_outputs(tmp_path: Path) -> None:
    """Nothing is raised for a failure: it is what a session compares."""
    kubectl = scripted(tmp_path, "print(sys.stdin.read()); print(sys.argv[1:], file=sys.stderr); sys.exit(3)")
    ended = kubectl.run("get", "x", stdin="in")
    assert (3, "in\n", "['get', 'x']\n") == (ended.exit, ended.stdout, ended.stderr)


def test_nothing_of_the_users_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a home folder nor a kubeconfig, nor a proxy."""
    for name in ("KUBECONFIG", "HOME", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "/the/users")
    kubectl = scripted(tmp_path, "print(*(os.environ.get(n) for n in ('HOME', 'KUBECONFIG', 'HTTPS_PROXY')))")
    assert f"{tmp_path}/home {tmp_path}/kubeconfig None\n" == kubectl.run().stdout


def test_the_version_is_the_programs(tmp_path: Path) -> None:
    """Distributions append words to it."""
    kubectl = scripted(tmp_path, """print('{"clientVersion": {"gitVersion": "v1.20.2-debian"}}')""")
    assert (1, 20) == kubectl.version


def test_a_watch_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    """What it has printed by then is kept, and its end by a signal is none of its faults."""
    watching = scripted(tmp_path, "print('one', flush=True); print('two', flush=True); time.sleep(60)").watch()
    watching.wait_lines(2, is_distinct=True)
    ended = watching.stop()
    assert (0, "one\ntwo\n", "") == (ended.exit, ended.stdout, ended.stderr)


def test_a_watch_that_ends_by_itself_is_not_waited_for(tmp_path: Path) -> None:
    """A refused watch prints no line; its exit code says so."""
    watching = scripted(tmp_path, "print('refused', file=sys.stderr); sys.exit(1)").watch()
    watching.wait_lines(1)
    ended = watching.stop()
    assert (1, "", "refused\n") == (ended.exit, ended.stdout, ended.stderr)
