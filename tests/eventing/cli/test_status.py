"""`eventing status` and `eventing deadletters`, asked of the real ops API over a real socket."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
import yaml

from eventing.api.app import create_api
from tests.eventing.cli.process import run
from tests.eventing.small_operations import BOUNDS_S, SmallOperations, broker, letter, trigger


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an ops API that two Brokers, two Triggers and two dead letters are known to."""
    operations = SmallOperations(
        broker_list=[broker("default", "shop"), broker("other", "[bold]shop", ready=False)],
        trigger_list=[trigger("default", "bill", of="shop"), trigger("other", "mail", of="shop", lane=None)],
        letters=[
            letter(2, reason="refused", data=b"\x1b[2J\xff"),
            letter(1, datacontenttype="application/json", data=b'{"price": 5}'),
        ],
    )
    config = uvicorn.Config(create_api(operations, latency_bounds_s=BOUNDS_S), lifespan="off", log_level="critical")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        uvicorn_server = uvicorn.Server(config)
        thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        uvicorn_server.should_exit = True
        thread.join()


def cells(line: str) -> list[str]:
    return [cell for cell in line.split("  ") if cell]


def test_status_shows_a_row_for_each_broker_and_trigger(server: str) -> None:
    """Tables on stdout; names are text, never markup."""
    lines = [[cell.strip() for cell in cells(line)] for line in run("status", "--server", server).out.splitlines()]
    assert ["default", "shop", "True", "memory", "7", "20", "1", "http://localhost:8080/default/shop"] in lines
    assert any(line[:3] == ["other", "[bold]shop", "False (ChannelUnavailable)"] for line in lines)
    expected = ["default", "bill", "shop", "True", "3", "2", "14", "4", "1", "half-open", "500.0 ms"]
    assert [*expected, "http://localhost:9000/"] in lines
    assert ["other", "mail", "shop", "True", *"-------", "http://localhost:9000/"] in lines


def test_status_answers_in_json_and_yaml_alike(server: str) -> None:
    """The server may be told by the environment; both formats hold the same value."""
    as_json = run("status", "-o", "json", EVENTING_SERVER=server)
    as_yaml = run("status", "-o", "yaml", EVENTING_SERVER=server)
    value = json.loads(as_json.out)
    assert (0, "", value) == (as_json.code, as_json.err, yaml.safe_load(as_yaml.out))
    assert ["shop", "[bold]shop"] == [one["name"] for one in value["brokers"]]


def test_watching_is_for_tables() -> None:
    """Misuse otherwise."""
    assert 2 == run("status", "--watch", "-o", "json").code


def test_dead_letters_are_listed_and_counted(server: str) -> None:
    """Rows on stdout, the count on stderr."""
    ended = run("deadletters", "list", "--server", server)
    rows = [line.split()[0] for line in ended.out.splitlines()[1:]]
    assert (0, ["2", "1"]) == (ended.code, rows)
    assert "2 of 2 shown: 1 refused, 1 retriesexhausted; 2 older ones made room\n" == ended.err


def test_dead_letters_are_narrowed_and_limited(server: str) -> None:
    """By the options of the same names as the API's."""
    only = run("deadletters", "list", "--server", server, "--reason", "refused", "-o", "json")
    limited = run("deadletters", "list", "--server", server, "--limit", "1", "-o", "json")
    assert [2] == [one["id"] for one in json.loads(only.out)["items"]]
    assert ([2], 2) == ([one["id"] for one in json.loads(limited.out)["items"]], json.loads(limited.out)["total"])


def test_a_dead_letter_is_shown_with_data_and_attempts(server: str) -> None:
    """JSON laid out; bytes as base64, which cannot steer a terminal."""
    first = run("deadletters", "show", "1", "--server", server)
    second = run("deadletters", "show", "2", "--server", server)
    assert '  "price": 5' in first.out.splitlines()
    assert any(cells(line)[1:3] == ["http://localhost:9000/", "503"] for line in first.out.splitlines() if line)
    assert "data, in base64:\nG1sySv8=" in second.out
    assert "\x1b" not in second.out


def test_what_is_not_there_is_told_in_one_line(server: str) -> None:
    """The API's words, and exit code 1."""
    ended = run("deadletters", "show", "9", "--server", server)
    assert (1, f"Error: there is no dead letter 9 (--server {server} answered 404)\n") == (ended.code, ended.err)


@pytest.mark.parametrize("command", [("status",), ("deadletters", "list"), ("deadletters", "show", "1")])
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
