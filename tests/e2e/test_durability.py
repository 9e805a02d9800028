"""What was accepted, and what was done about it, is there after a kill."""

import signal
import sqlite3
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.e2e.manifests import broker, to_yaml, trigger
from tests.e2e.process import EVENTING, Server, Sink, running, wait_until

NOBODY = "http://127.0.0.1:9"
ORDERS = [{"exact": {"type": "order"}}]


def kill_once_on_disk(server: Server) -> None:
    """Kill it when all that it did so far is durable: as it is once an event is that came later, which nobody wants."""
    assert 202 == server.post("b", "of-no-interest", "last")
    server.kill()


def killed_after_accepting(folder: Path, count: int) -> Path:
    """A manifest whose server accepted so many events, ids from 0, delivered none, and was killed."""
    manifest = folder / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", NOBODY, annotations={"eventing.dev/paused": "true"})))
    server = Server(folder, manifest)
    with running(server):
        assert [202] * count == [server.post("b", "order", str(number)) for number in range(count)]
        server.kill()
    return manifest


def test_what_was_accepted_is_delivered_after_a_kill(tmp_path: Path) -> None:
    """The 202 was the last thing that the server did."""
    manifest = killed_after_accepting(tmp_path, 5)
    sink = Sink(tmp_path, "sink")
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url)))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        wait_until(lambda: len(sink.ids) == 5, "five deliveries")
        wait_until(server.is_settled, "everything is settled")
        assert ["0", "1", "2", "3", "4"] == sorted(sink.ids)


def test_counters_go_on_after_a_kill(tmp_path: Path) -> None:
    """What was settled before stays settled, and is counted once."""
    sink = Sink(tmp_path, "sink")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url, filters=ORDERS)))
    with running(sink):
        for life in range(3):
            server = Server(tmp_path, manifest)
            with running(server):
                assert life == server.lane("t")["delivered"] == server.lane("t")["matched"]
                server.post("b", "order", str(life))
                wait_until(server.is_settled, "the delivery")
                kill_once_on_disk(server)
        assert ["0", "1", "2"] == sink.ids


def test_a_retry_that_is_far_off_keeps_its_time_and_its_attempts(tmp_path: Path) -> None:
    """Attempted once before the kill: the second attempt comes when it was due, and is the last."""
    sink = Sink(tmp_path, "sink", "--status", "503")
    manifest = tmp_path / "resources.yaml"
    retries: dict[str, Any] = {"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT2S"}
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url, filters=ORDERS, **retries)))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        server.post("b", "order", "1")
        wait_until(lambda: server.lane("t")["retrying"] == 1, "the first attempt failed")
        kill_once_on_disk(server)
        server = Server(tmp_path, manifest)
        with running(server):
            letters = wait_until(lambda: server.ask("deadletters?reason=retriesexhausted")["items"], "the dead letter")
            attempts = server.ask(f"deadletters/{letters[0]['id']}")["attempts"]
        first, second = (datetime.fromisoformat(attempt["time"]) for attempt in attempts)
        assert ["1", "1"] == sink.ids
        assert (second - first).total_seconds() >= 0.8 * 2  # by the jitter a fifth less at most


def test_a_dead_letter_outlives_a_kill_and_is_delivered_by_a_redrive(tmp_path: Path) -> None:
    sink = Sink(tmp_path, "sink", "--status", "400")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url, filters=ORDERS)))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        server.post("b", "order", "1")
        wait_until(lambda: server.ask("deadletters")["items"], "the dead letter")
        kill_once_on_disk(server)
    well = Sink(tmp_path, "well")
    manifest.write_text(to_yaml(broker(), trigger("t", well.url, filters=ORDERS)))
    server = Server(tmp_path, manifest)
    with running(server, well):
        (letter,) = server.ask("deadletters")["items"]
        assert [400] == [attempt["status"] for attempt in server.ask(f"deadletters/{letter['id']}")["attempts"]]
        (redrive,) = server.order("deadletters/redrive", trigger="t")["items"]
        assert 1 == redrive["total"]
        wait_until(lambda: well.ids == ["1"], "the delivery")
        wait_until(lambda: server.ask("redrives")["items"][0]["ended"], "the end of the redrive")
        assert [] == server.ask("deadletters")["items"]
        lane = server.lane("t")
        assert (1, 1, 1, 1) == tuple(lane[name] for name in ("matched", "redriven", "delivered", "deadLettered"))


def test_a_trigger_that_was_paused_by_command_stays_paused_over_a_kill(tmp_path: Path) -> None:
    """Its events wait, also over the kill; others flow."""
    paused, other = Sink(tmp_path, "paused"), Sink(tmp_path, "other")
    manifest = tmp_path / "resources.yaml"
    triggers = [
        trigger(sink_name, sink.url, filters=ORDERS) for sink_name, sink in (("paused", paused), ("other", other))
    ]
    manifest.write_text(to_yaml(broker(), *triggers))
    server = Server(tmp_path, manifest)
    with running(server, paused, other):
        server.order("triggers/default/paused/pause")
        server.post("b", "order", "1")
        wait_until(lambda: other.ids == ["1"], "the other Trigger's delivery")
        kill_once_on_disk(server)
        server = Server(tmp_path, manifest)
        with running(server):
            server.post("b", "order", "2")
            wait_until(lambda: "2" in other.ids, "the other Trigger's delivery")
            assert ([], 2) == (paused.ids, server.lane("paused")["waiting"])
            server.order("triggers/default/paused/resume")
            wait_until(lambda: sorted(paused.ids) == ["1", "2"], "both deliveries")


def test_a_new_trigger_may_begin_with_what_is_kept(tmp_path: Path) -> None:
    """Nothing twice, nothing missed; and a restart is no new beginning."""
    first, late = Sink(tmp_path, "first"), Sink(tmp_path, "late")
    manifest = tmp_path / "resources.yaml"
    kept = broker()
    kept["metadata"]["annotations"] = {"eventing.dev/retention": "PT1H"}
    manifest.write_text(to_yaml(kept, trigger("first", first.url)))
    server = Server(tmp_path, manifest)
    with running(server, first, late):
        for number in range(3):
            server.post("b", "order", str(number))
        wait_until(lambda: len(first.ids) == 3, "the deliveries")
        earliest = {"eventing.dev/start": "earliest"}
        manifest.write_text(
            to_yaml(kept, trigger("first", first.url), trigger("late", late.url, filters=ORDERS, annotations=earliest))
        )
        server.signal(signal.SIGHUP)
        wait_until(lambda: len(late.ids) == 3, "the past")
        server.post("b", "order", "3")
        wait_until(lambda: len(late.ids) == 4, "the present")
        kill_once_on_disk(server)
        server = Server(tmp_path, manifest)
        with running(server):
            server.post("b", "order", "4")
            wait_until(lambda: "4" in late.ids, "the present")
            assert ["0", "1", "2", "3", "4"] == sorted(late.ids)


def test_a_second_process_is_refused_and_told_why(tmp_path: Path) -> None:
    """And the first one does not notice."""
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker()))
    server = Server(tmp_path, manifest)
    with running(server):
        data = str(tmp_path / "data")
        command = [EVENTING, "serve", "--port", "0", "--api-port", "0", "--data-dir", data]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        assert (1, "") == (ended.returncode, ended.stdout)
        assert data in ended.stderr
        assert "Traceback" not in ended.stderr
        assert 202 == server.post("b", "order", "1")


def test_a_journal_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    killed_after_accepting(tmp_path, 1)
    journal = tmp_path / "data" / "journal.db"
    connection = sqlite3.connect(journal)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = journal.read_bytes()
    command = [EVENTING, "serve", "--port", "0", "--api-port", "0", "--data-dir", str(journal.parent)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (1, "") == (ended.returncode, ended.stdout)
    assert "version 99" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert before == journal.read_bytes()


def test_in_memory_no_event_is_written(tmp_path: Path) -> None:
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker()))
    server = Server(tmp_path, manifest, environment={"EVENTING_DEFAULT_CHANNEL": "memory"})
    with running(server):
        assert 202 == server.post("b", "order", "1")
        assert not (tmp_path / "data" / "journal.db").exists()
