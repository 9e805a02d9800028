import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.page import ROOT, fenced, page
from tests.e2e.process import PATIENCE_S, wait_until

RUN = ROOT / "examples/quickstart/run.py"
FREE_PORTS = {"EVENTING_PORT": "0", "EVENTING_API_PORT": "0", "SINK_PORT": "0"}
README_ADDRESS = "http://localhost:8080/"


class Quickstart:
    """What `make run` starts, its output in a file."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._file = folder / "quickstart.out"
        with self._file.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, RUN],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                cwd=folder,
            )

    @property
    def output(self) -> str:
        return self._file.read_text()

    @property
    def shown(self) -> int:
        """Events that the sink printed."""
        return len(re.findall(r"^sink   \| event ", self.output, re.MULTILINE))

    def address(self) -> str:
        """Where it invites to send to, once it does."""
        found = wait_until(lambda: re.search(r"curl -i (http://\S+/)default/default", self.output), "the invitation")
        return str(found[1])

    def ports(self) -> list[int]:
        """Every port that its processes said they listen on."""
        return [int(port) for port in re.findall(r"^\w+ +\| .*http://127\.0\.0\.1:(\d+)", self.output, re.MULTILINE)]


@contextmanager
def quickstart(folder: Path, **environment: str) -> Iterator[Quickstart]:
    started = Quickstart(folder, **environment)
    try:
        yield started
    finally:
        started.process.terminate()
        started.process.wait(PATIENCE_S)


def invitation() -> str:
    """The README's first curl."""
    return next(block for block in fenced(page("README.md"), "sh") if block.startswith("curl "))


def typed(command: str) -> str:
    """What a terminal shows after the command. Without curl, its request is made by other means."""
    words = shlex.split(command.replace("\\\n", ""))
    if shutil.which("curl"):
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    url = next(word for word in words if word.startswith("http://"))
    request = urllib.request.Request(url, data=words[words.index("-d") + 1].encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return f"HTTP/1.1 {answer.status} {answer.reason}"


def test_the_readmes_curl_is_answered_and_shown_as_the_readme_says(tmp_path: Path) -> None:
    """A stranger's first minute: the command, its answer, and the event once for each Trigger that wants it."""
    (expected,) = fenced(page("README.md"), "text")
    with quickstart(tmp_path, **FREE_PORTS) as started:
        answer = typed(invitation().replace(README_ADDRESS, started.address()))
        shown = [expected.replace("/new-orders", path) for path in ("/new-orders", "/all-orders", "/large-orders")]
        wait_until(lambda: all(map(started.output.count, shown)), "three of four Triggers got the event")
    assert answer.startswith("HTTP/1.1 202 Accepted")
    assert 3 == started.shown


def test_the_quickstart_invites_to_what_the_readme_says(tmp_path: Path) -> None:
    """The two texts are one."""
    with quickstart(tmp_path, **FREE_PORTS) as started:
        address = started.address()
        wait_until(lambda: "Ctrl-C" in started.output, "the end of the invitation")
    assert invitation().replace(README_ADDRESS, address) in started.output


def test_another_type_becomes_a_dead_letter(tmp_path: Path) -> None:
    """The README's second try: nobody is there to take it, and the dead letter sink is told who it was."""
    command = invitation().replace("com.example.order.created", "com.example.payment.received")
    with quickstart(tmp_path, **FREE_PORTS) as started:
        typed(command.replace(README_ADDRESS, started.address()))
        wait_until(lambda: "knativeerrordest: http://localhost:1/\n" in started.output, "the dead letter")
    assert 1 == started.shown


def test_the_readmes_python_sends_an_event(tmp_path: Path) -> None:
    """Run as it stands there, but for the port."""
    (program,) = fenced(page("README.md"), "python")
    with quickstart(tmp_path, **FREE_PORTS) as started:
        source = program.replace(README_ADDRESS, started.address())
        subprocess.run([sys.executable, "-W", "error", "-c", source], check=True, timeout=PATIENCE_S)
        wait_until(lambda: started.shown == 2, "both Triggers that ask for no total got the event")
    assert '"item": "coffee"' in started.output


def test_an_interrupt_ends_everything(tmp_path: Path) -> None:
    """Exit code 0, the server first, and nothing that still listens."""
    with quickstart(tmp_path, **FREE_PORTS) as started:
        started.address()
        ports = started.ports()
        started.process.send_signal(signal.SIGINT)
        assert 0 == started.process.wait(PATIENCE_S)
    assert 3 == len(ports)
    for port in ports:
        with socket.socket() as knocking:
            assert 0 != knocking.connect_ex(("127.0.0.1", port))
    assert "Traceback" not in started.output


def test_a_process_that_ends_takes_the_other_with_it(tmp_path: Path) -> None:
    """A server that cannot start is told, and no sink is left behind."""
    with quickstart(tmp_path, **FREE_PORTS, EVENTING_TTL_MAX="0") as started:
        assert 1 == started.process.wait(PATIENCE_S)
    assert "EVENTING_TTL_MAX" in started.output


def test_a_taken_port_says_which_variable_to_set(tmp_path: Path) -> None:
    """Before anything is started."""
    for name in FREE_PORTS:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            with quickstart(tmp_path, **{**FREE_PORTS, name: port}) as started:
                assert 1 == started.process.wait(PATIENCE_S)
        assert f"port {port}: Address already in use. Choose another: make run {name}=9090\n" == started.output


def test_what_is_no_port_is_refused(tmp_path: Path) -> None:
    """A typing error is no traceback."""
    for text in ("eighty", "70000"):
        with quickstart(tmp_path, **{**FREE_PORTS, "SINK_PORT": text}) as started:
            assert 1 == started.process.wait(PATIENCE_S)
        assert f"SINK_PORT={text} is no port\n" == started.output


def test_a_second_start_in_the_same_folder_goes_on_from_the_first(tmp_path: Path) -> None:
    """What is stored is applied to, and is ready again."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        ports = {**FREE_PORTS, "SINK_PORT": str(probe.getsockname()[1])}
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        with quickstart(folder, **ports, EVENTING_DATA_DIR=str(tmp_path / "data")) as started:
            typed(invitation().replace(README_ADDRESS, started.address()))
            wait_until(lambda shown=started: shown.shown == 3, "three of four Triggers got the event")
        assert "apply  | broker.eventing.knative.dev/default " in started.output
        assert "wait   | trigger.eventing.knative.dev/new-orders condition met\n" in started.output
