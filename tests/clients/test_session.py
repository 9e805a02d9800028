import sys
from pathlib import Path

from tests.clients.session import Differences, Session, Shown, Step, differences, run, shown_lines
from tests.rig.kubectl import Kubectl

TABLE = """\
NAME   BROKER   SUBSCRIBER_URI        AGE   READY
t1     b1       http://sink.example   9s    True
t2                                    1h
"""
DESCRIPTION = """\
Name:  t1
Spec:
  Broker:  b1
Status:
  Conditions:
    Type:  Ready
Events:
  Type  Reason
"""
YAML = """\
items:
- metadata:
    resourceVersion: "7"
    uid: 01234567-89ab-cdef-0123-456789abcdef
  spec:
    broker: b1
  status:
    conditions: []
- metadata:
    creationTimestamp: "2026-01-01T00:00:00Z"
  status:
    conditions: []
kind: List
"""


def test_a_table_is_shown_without_ages_and_status() -> None:
    """Headings stay, and so does what was written; widths are no difference."""
    assert [
        "NAME BROKER SUBSCRIBER_URI AGE READY",
        "t1 b1 - - -",
        "t2 - - - -",
    ] == shown_lines(TABLE)


def test_a_table_ends_where_a_line_is_empty() -> None:
    """Several kinds are shown in several tables."""
    assert ["NAME AGE", "a -", "", "b 9s"] == shown_lines("NAME   AGE\na      9s\n\nb 9s\n")


def test_a_description_is_shown_without_status_and_events() -> None:
    """Whoever writes these, a server without controllers does not."""
    assert ["Name:  t1", "Spec:", "  Broker:  b1"] == shown_lines(DESCRIPTION)


def test_yaml_is_shown_without_status_and_with_placeholders() -> None:
    """Each object of a list loses its own status, and what follows it stays."""
    assert [
        "items:",
        "- metadata:",
        "    resourceVersion: RV",
        "    uid: UID",
        "  spec:",
        "    broker: b1",
        "- metadata:",
        '    creationTimestamp: "TIME"',
        "kind: List",
    ] == shown_lines(YAML)


def test_a_session_tells_each_steps_output_and_end(tmp_path: Path) -> None:
    """Steps that came with a later version are left out; files are at hand; errors are marked."""
    program = tmp_path / "kubectl"
    script = """
if "version" in sys.argv: print('{"clientVersion": {"gitVersion": "v1.20.2"}}'); sys.exit()
print(" ".join(sys.argv[3:]), open("f.yaml").read()); print("oh", file=sys.stderr); sys.exit(2)"""
    program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    program.chmod(0o755)
    kubectl = Kubectl(program, tmp_path / "kubeconfig", tmp_path / "home")
    session = Session("s", [Step("get 'a b'"), Step("later", since=(1, 21)), Step("x", keep="^!")], {"f.yaml": "text"})
    assert [
        Shown("get 'a b'", 2, ("get a b text", "! oh")),
        Shown("x", 2, ("! oh",)),
    ] == run(session, kubectl, tmp_path / "files")


def test_lines_that_differ_are_told_but_for_those_that_are_known() -> None:
    """The exit code is a line of its own; an entry covers a line of a command, on one side."""
    real = [Shown("get a", 0, ("one", "two")), Shown("get b", 0, ("same",))]
    ours = [Shown("get a", 1, ("one", "2")), Shown("get b", 0, ("same",))]
    all_of_them = [f"s: get a\n{line}" for line in ("- two", "- exit 0", "+ 2", "+ exit 1")]
    known: Differences = {"why": [("s: get a", "? exit *"), ("s: get b", "*"), ("t: *", "*"), ("s: *", "- 2")]}
    assert sorted(all_of_them) == sorted(differences("s", real, ours, {}))
    assert sorted(["s: get a\n- two", "s: get a\n+ 2"]) == sorted(differences("s", real, ours, known))
