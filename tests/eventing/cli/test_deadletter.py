"""`eventing deadletters` and `eventing redrives`, asked of the real ops API over a real socket."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator

import pytest

from tests.eventing.cli.process import COMMAND, TIMEOUT_S, environment_with, run
from tests.eventing.cli.server import cells, serving
from tests.eventing.small_operations import AbsentStore, SmallOperations, SmallStore


@pytest.fixture
def operations() -> SmallOperations:
    """Three dead letters: m1 in JSON, m2 refused and in bytes, m3 of another Trigger. Their Triggers are gone."""
    operations = SmallOperations()
    operations.store.fill("1", datacontenttype="application/json", data=b'{"price": 5}')
    operations.store.fill("2", reason="refused", data=b"\x1b[2J\xff")
    operations.store.fill("3", trigger="mail")
    return operations


@pytest.fixture
def server(operations: SmallOperations) -> Iterator[str]:
    with serving(operations) as address:
        yield address


def ids(server: str, *options: str) -> list[str]:
    return [one["id"] for one in json.loads(run("deadletters", "list", "--server", server, "-o", "json", *options).out)]


def test_dead_letters_are_counted_by_reason_and_then_listed(server: str) -> None:
    """Tables on stdout, how many on stderr."""
    ended = run("deadletters", "list", "--server", server, "--limit", "2")
    counts, letters = ended.out.split("\n\n")
    assert ["REASON", "COUNT", "NAMESPACE", "BROKER", "TRIGGER", "FIRST", "LAST"] == cells(counts.splitlines()[0])
    assert ["refused", "1", "default", "shop", "bill"] in [cells(line)[:5] for line in counts.splitlines()]
    assert ["m3", "m2"] == [line.split()[0] for line in letters.splitlines()[1:]]
    assert (0, "2 of 3 shown\n") == (ended.code, ended.err)


def test_without_dead_letters_there_is_no_table(server: str) -> None:
    """Only the count."""
    ended = run("deadletters", "list", "--server", server, "--broker", "x")
    assert (0, "", "0 of 0 shown\n") == (ended.code, ended.out, ended.err)


def test_dead_letters_are_narrowed_by_every_option(server: str) -> None:
    """As a JSON list, newest first."""
    assert ["m3", "m2", "m1"] == ids(server)
    assert ["m2"] == ids(server, "--reason", "refused")
    assert ["m3"] == ids(server, "--trigger", "mail", "-n", "default", "--broker", "shop")
    assert ["m3", "m1"] == ids(server, "--id", "m1", "--id", "m3")
    assert [] == ids(server, "--since", "1h")
    assert ["m3", "m2", "m1"] == ids(server, "--since", "2023-11-14T00:00:00Z", "--until", "1h")
    assert ["m3"] == ids(server, "--limit", "1")


def test_more_are_listed_than_the_api_shows_at_once(server: str, operations: SmallOperations) -> None:
    """Page by page."""
    operations.store.fill(*(str(number) for number in range(4, 1102)))
    assert [f"m{number}" for number in range(1101, 51, -1)] == ids(server, "--limit", "1050")


def test_a_dead_letter_is_shown_with_data_and_attempts(server: str) -> None:
    """JSON laid out; bytes as base64, which cannot steer a terminal."""
    first = run("deadletters", "show", "m1", "--server", server)
    second = run("deadletters", "show", "m2", "--server", server)
    assert '  "price": 5' in first.out.splitlines()
    assert any(cells(line)[1:3] == ["http://localhost:9000/", "503"] for line in first.out.splitlines() if line)
    assert "data, in base64:\nG1sySv8=" in second.out
    assert "\x1b" not in second.out


def test_what_is_not_there_is_told_in_one_line(server: str) -> None:
    """The API's words, and exit code 1."""
    ended = run("deadletters", "show", "m9", "--server", server)
    assert (1, f"Error: there is no dead letter m9 (--server {server} answered 404)\n") == (ended.code, ended.err)


def test_a_redrive_is_followed_to_its_end(server: str) -> None:
    """Progress on stderr, the redrive on stdout, and exit code 1 where any failed again."""
    ended = run("deadletters", "redrive", "--server", server, "--trigger", "bill", "--rate", "600/m", "-o", "json")
    (redrive,) = json.loads(ended.out)
    assert (1, True) == (ended.code, "2/2 2 failed again" in ended.err)
    assert (2, 0, 2, 10.0) == (redrive["total"], redrive["delivered"], redrive["failed"], redrive["rate"])
    assert redrive["ended"] is not None
    listed = run("redrives", "list", "--server", server)
    row = cells(listed.out.splitlines()[1])
    assert [redrive["id"], redrive["started"], redrive["ended"], "2", "0", "2", "0", "10/s", "trigger=bill"] == row
    assert "failed" in run("deadletters", "show", "m1", "--server", server).out


def test_a_redrive_may_be_left_alone(server: str) -> None:
    """--no-wait: what is printed is how it began."""
    ended = run("deadletters", "redrive", "--server", server, "--limit", "1", "--no-wait", "-o", "json")
    assert (0, [1]) == (ended.code, [one["total"] for one in json.loads(ended.out)])


def test_where_nothing_is_to_be_redriven_no_redrive_begins(server: str) -> None:
    """Nothing to do is no failure."""
    ended = run("deadletters", "redrive", "--server", server, "--id", "m9", "-o", "json")
    assert (0, [], "no dead letter is waiting for that\n") == (ended.code, json.loads(ended.out), ended.err)
    assert [] == json.loads(run("redrives", "list", "--server", server, "-o", "json").out)


@pytest.mark.parametrize("verb", ["redrive", "discard"])
def test_a_dry_run_shows_which_and_does_nothing(server: str, verb: str) -> None:
    """By reason and Trigger, and how many of them."""
    ended = run("deadletters", verb, "--server", server, "--trigger", "bill", "--limit", "1", "--dry-run", "-o", "json")
    assert {"refused", "retriesexhausted"} == {one["reason"] for one in json.loads(ended.out)}
    assert (0, "1 of these; nothing was done\n") == (ended.code, ended.err)
    assert ["m3", "m2", "m1"] == ids(server)


def test_discarded_letters_are_gone(server: str) -> None:
    """A selection needs no confirmation where nobody can be asked."""
    ended = run("deadletters", "discard", "--server", server, "--reason", "refused", "-o", "json")
    expected = [{"namespace": "default", "broker": "shop", "trigger": "bill", "count": 1}]
    assert (0, expected, "1 discarded\n") == (ended.code, json.loads(ended.out), ended.err)
    assert ["m3", "m1"] == ids(server)


def test_all_are_discarded_only_by_who_says_so(server: str) -> None:
    """Misuse otherwise."""
    refused = run("deadletters", "discard", "--server", server)
    assert (2, ["m3", "m2", "m1"]) == (refused.code, ids(server))
    assert "--yes" in refused.err
    assert "3 discarded\n" == run("deadletters", "discard", "--server", server, "--yes").err
    assert [] == ids(server)


@pytest.mark.parametrize(("answer", "code", "left"), [(b"y\n", 0, ["m3"]), (b"n\n", 1, ["m3", "m2", "m1"])])
def test_on_a_terminal_it_asks_first(server: str, answer: bytes, code: int, left: list[str]) -> None:
    """And says how many there are; no is a refusal."""
    controller, terminal = pty.openpty()
    try:
        os.write(controller, answer)
        ended = subprocess.run(
            [*COMMAND, "deadletters", "discard", "--server", server, "--trigger", "bill"],
            stdin=terminal,
            capture_output=True,
            timeout=TIMEOUT_S,
            env=environment_with({}),
            check=False,
        )
    finally:
        os.close(controller)
        os.close(terminal)
    assert (code, True) == (ended.returncode, b"Discard 2 dead letters?" in ended.stderr)
    assert left == ids(server)


@pytest.mark.parametrize(
    "options",
    [("redrive", "--rate", "0"), ("redrive", "--rate", "x/s"), ("list", "--since", "x"), ("discard", "--limit", "0")],
)
def test_an_option_out_of_range_is_misuse(options: tuple[str, ...]) -> None:
    """Told before any server is asked."""
    ended = run("deadletters", *options)
    assert (2, True) == (ended.code, options[1] in ended.err)


FAR = "redis far:6379/0"
MISSING = f"without the dead letters of {FAR}: the disk is away\n"


@pytest.fixture
def half(operations: SmallOperations) -> Iterator[str]:
    """The same letters, and a server beside them that is away."""
    with serving(SmallOperations(store=operations.store, others={FAR: AbsentStore()})) as address:
        yield address


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_a_list_says_whose_letters_are_missing(half: str, output: str) -> None:
    """Once, on stderr; the others are listed, page by page."""
    ended = run("deadletters", "list", "--server", half, "-o", output, "--limit", "4")
    assert (0, MISSING) == (ended.code, ended.err.removesuffix("3 of 3 shown\n"))
    assert all(f"m{number}" in ended.out for number in (1, 2, 3))
    assert "" == run("deadletters", "list", "--server", half, "--id", "m1", "-o", "json").err


@pytest.mark.parametrize("verb", ["redrive", "discard"])
def test_a_dry_run_says_whose_letters_are_not_counted(half: str, verb: str) -> None:
    """Before how many there are."""
    ended = run("deadletters", verb, "--server", half, "--trigger", "bill", "--dry-run", "-o", "json")
    assert (0, f"{MISSING}2 of these; nothing was done\n") == (ended.code, ended.err)


def test_an_order_that_did_not_reach_all_exits_with_1(half: str) -> None:
    """What it reached is done, and who it did not reach is told."""
    redriven = run("deadletters", "redrive", "--server", half, "--id", "m1", "--no-wait", "-o", "json")
    assert (0, "") == (redriven.code, redriven.err)
    redriven = run("deadletters", "redrive", "--server", half, "--reason", "refused", "--no-wait", "-o", "json")
    assert (1, MISSING, 1) == (redriven.code, redriven.err, len(json.loads(redriven.out)))
    discarded = run("deadletters", "discard", "--server", half, "--trigger", "bill", "-o", "json")
    assert (1, f"{MISSING}2 discarded\n") == (discarded.code, discarded.err)
    assert [] == ids(half, "--trigger", "bill")


def test_nothing_is_asked_where_there_is_nothing_but_a_server_that_is_away(half: str) -> None:
    """On a terminal: it did not do what it was asked to."""
    controller, terminal = pty.openpty()
    try:
        ended = subprocess.run(
            [*COMMAND, "deadletters", "discard", "--server", half, "--trigger", "none"],
            stdin=terminal,
            capture_output=True,
            timeout=TIMEOUT_S,
            env=environment_with({}),
            check=False,
        )
    finally:
        os.close(controller)
        os.close(terminal)
    assert (1, MISSING.encode()) == (ended.returncode, ended.stderr)


def test_letters_of_two_servers_with_one_number_are_reached_by_the_id_that_is_listed() -> None:
    """Copied from the table."""
    operations = SmallOperations(others={"redis one:6379/0": SmallStore(), "redis two:6379/0": SmallStore()})
    for number, store in enumerate(operations.others.values()):
        store.fill(f"event-{number}")
    with serving(operations) as server:
        listed = run("deadletters", "list", "--server", server).out.split("\n\n")[1].splitlines()[1:]
        told = {cells(line)[-1]: cells(line)[0] for line in listed}
        shown = run("deadletters", "show", told["event-1"], "--server", server).out
        assert any(cells(line) == ["id", "event-1"] for line in shown.splitlines())
        assert "1 discarded\n" == run("deadletters", "discard", "--server", server, "--id", told["event-1"]).err
        assert [told["event-0"]] == ids(server)
