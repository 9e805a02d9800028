"""`eventing status`, asked of the real ops API over a real socket; and servers that do not answer."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from tests.eventing.cli.process import run
from tests.eventing.cli.server import cells, serving
from tests.eventing.small_operations import JOURNAL, LANE, SmallOperations, broker, trigger

BUSY = replace(LANE, paused=True, catching_up=True, blocked_keys=2, rate=2.5)
IDLE = replace(LANE, breaker="closed", latency_buckets=())


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an ops API that two Brokers, four Triggers and a journal are known to."""
    operations = SmallOperations(
        broker_list=[broker("default", "shop"), broker("other", "[bold]shop", ready=False)],
        trigger_list=[
            trigger("default", "bill", of="shop"),
            trigger("default", "busy", of="shop", lane=BUSY),
            trigger("default", "idle", of="shop", lane=IDLE),
            trigger("other", "mail", of="shop", lane=None),
        ],
        journal_status=JOURNAL,
    )
    with serving(operations) as address:
        yield address


def test_status_shows_a_row_for_each_broker_and_trigger(server: str) -> None:
    """Tables on stdout; names are text, never markup."""
    lines = [cells(line) for line in run("status", "--server", server).out.splitlines()]
    assert ["default", "shop", "True", "memory", "7", "20", "1", "http://localhost:8080/default/shop"] in lines
    assert any(line[:3] == ["other", "[bold]shop", "False (ChannelUnavailable)"] for line in lines)
    counts = ["3", "2", "2", "14", "4", "1"]
    expected = ["default", "bill", "shop", "True", *counts, "8", "breaker half-open", "500.0 ms"]
    assert [*expected, "http://localhost:9000/"] in lines
    assert ["other", "mail", "shop", "True", *"---------", "http://localhost:9000/"] in lines


def test_status_says_what_keeps_the_events_of_a_trigger(server: str) -> None:
    """All of it; and nothing where they flow."""
    lines = {line[1]: line for line in map(cells, run("status", "--server", server).out.splitlines()) if len(line) > 10}
    expected = ["8 at 2.5/s", "paused, breaker half-open, catching up, 2 blocked keys"]
    assert expected == lines["busy"][10:12]
    assert ["8", "flowing", "-"] == lines["idle"][10:13]


def test_status_begins_with_the_journal(server: str) -> None:
    """Where there is one."""
    lines = run("status", "--server", server).out.splitlines()
    assert ["JOURNAL", "HELD", "BOUND", "FILE", "DAMAGED"] == cells(lines[0])
    assert ["ok", "3.0 MiB", "10240.0 MiB", "4.0 MiB", "1"] == cells(lines[1])
    with serving(SmallOperations()) as other:
        assert "NAMESPACE" == cells(run("status", "--server", other).out)[0]


def test_status_answers_in_json_and_yaml_alike(server: str) -> None:
    """The server may be told by the environment; both formats hold the same value."""
    as_json = run("status", "-o", "json", EVENTING_SERVER=server)
    as_yaml = run("status", "-o", "yaml", EVENTING_SERVER=server)
    value = json.loads(as_json.out)
    assert (0, "", value) == (as_json.code, as_json.err, yaml.safe_load(as_yaml.out))
    assert ["shop", "[bold]shop"] == [one["name"] for one in value["brokers"]]
    assert 12 == value["journal"]["commits"]


def test_watching_is_for_tables() -> None:
    """Misuse otherwise."""
    assert 2 == run("status", "--watch", "-o", "json").code


@pytest.mark.parametrize(
    "command",
    [("status",), ("deadletters", "list"), ("deadletters", "redrive"), ("redrives", "list"), ("trigger", "pause", "x")],
)
def test_a_server_that_is_not_there_is_one_line_that_names_the_option(command: tuple[str, ...]) -> None:
    """Exit code 1, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ended = run(*command, "--server", address)
    assert (1, 1) == (ended.code, len(ended.err.splitlines()))
    assert ended.err.startswith(f"Error: no server answers at --server {address}: ")


def test_an_address_that_is_none_is_misuse() -> None:
    """Exit code 2."""
    ended = run("status", "--server", "localhost:8081")
    assert (2, True) == (ended.code, "--server localhost:8081 is no address" in ended.err)
