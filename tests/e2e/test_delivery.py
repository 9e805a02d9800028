"""One event, end to end: from a POST to the sinks whose Triggers want it."""

import base64
from pathlib import Path

from tests.e2e.manifests import broker, broker_ref, to_yaml, trigger
from tests.e2e.process import Server, Sink, running, wait_until


def test_two_triggers_get_what_their_filters_want(tmp_path: Path) -> None:
    orders, everything = Sink(tmp_path, "orders"), Sink(tmp_path, "everything")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(
        to_yaml(
            broker(),
            trigger("orders", orders.url, filters=[{"exact": {"type": "order"}}]),
            trigger("everything", everything.url, filters=[{"cesql": "source LIKE '/te%'"}]),
        )
    )
    server = Server(tmp_path, manifest)
    with running(server, orders, everything):
        assert [202, 202] == [server.post("b", "order", "1"), server.post("b", "payment", "2")]
        wait_until(lambda: len(everything.ids) == 2 and orders.ids, "three deliveries")
        wait_until(server.is_settled, "everything is settled")
        assert ["1"] == orders.ids
        assert {"1", "2"} == set(everything.ids)
        assert (1, 1, 1) == tuple(server.lane("orders")[name] for name in ("matched", "filtered", "delivered"))


def test_a_failing_sink_is_tried_again_until_it_accepts(tmp_path: Path) -> None:
    sink = Sink(tmp_path, "sink", "--fail-first", "2")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(
        to_yaml(broker(), trigger("t", sink.url, retry=5, backoffPolicy="linear", backoffDelay="PT0.05S"))
    )
    server = Server(tmp_path, manifest)
    with running(server, sink):
        server.post("b", "order", "1")
        wait_until(lambda: server.lane("t")["delivered"] == 1, "the delivery")
        assert [503, 503, 202] == [one["status"] for one in sink.received]
        assert 2 == server.lane("t")["retried"]


def test_a_dead_letter_says_where_and_why_it_failed(tmp_path: Path) -> None:
    sink, letters = Sink(tmp_path, "sink", "--status", "400"), Sink(tmp_path, "letters")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(
        to_yaml(
            broker(deadLetterSink={"uri": letters.url}, retry=3, backoffDelay="PT0S"), trigger("t", f"{sink.url}/here")
        )
    )
    server = Server(tmp_path, manifest)
    with running(server, sink, letters):
        server.post("b", "order", "1")
        wait_until(lambda: letters.received, "the dead letter")
        wait_until(lambda: server.lane("t")["deadLettered"] == 1, "the count")
        event = letters.received[0]["event"]
        assert ["1"] == sink.ids, "a 400 is not retried"
        assert f"{sink.url}/here" == event["knativeerrordest"]
        assert "400" == str(event["knativeerrorcode"])
        assert "knativeerrordata" not in event or base64.b64decode(event["knativeerrordata"])
        assert [] == server.ask("deadletters")["items"]


def test_without_a_dead_letter_sink_the_event_is_kept_with_its_attempts(tmp_path: Path) -> None:
    sink = Sink(tmp_path, "sink", "--status", "503")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url, retry=2, backoffDelay="PT0.01S")))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        server.post("b", "order", "1")
        letter = wait_until(lambda: server.ask("deadletters")["items"], "the dead letter")[0]
        assert ("t", "retriesexhausted") == (letter["trigger"], letter["reason"])
        shown = server.ask(f"deadletters/{letter['id']}")
        assert [503, 503, 503] == [attempt["status"] for attempt in shown["attempts"]]


def test_a_reply_loop_ends_when_its_hops_are_used_up(tmp_path: Path) -> None:
    """The sink answers each event with one that reaches it again: 255 hops, and then a dead letter with the reason."""
    sink = Sink(tmp_path, "sink", "--reply-type", "order")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url)))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        server.post("b", "order", "1")
        letter = wait_until(lambda: server.ask("deadletters")["items"], "the end of the loop")[0]
        assert "ttlexhausted" == letter["reason"]
        assert 255 == len(sink.ids) == len(set(sink.ids))
        assert 254 == server.lane("t")["replies"]
        assert 255 == server.ask("brokers/default/b")["accepted"]


def test_a_broker_is_a_sink(tmp_path: Path) -> None:
    sink = Sink(tmp_path, "sink")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(
        to_yaml(broker("a"), broker("b"), trigger("onward", broker_ref("b"), of="a"), trigger("t", sink.url))
    )
    server = Server(tmp_path, manifest)
    with running(server, sink):
        server.post("a", "order", "1")
        wait_until(lambda: sink.ids == ["1"], "the delivery through both Brokers")
        assert 1 == server.lane("onward")["delivered"]


def test_the_asgi_door_delivers_too(tmp_path: Path) -> None:
    sink = Sink(tmp_path, "sink")
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url)))
    server = Server(tmp_path, manifest, "--ingress", "asgi")
    with running(server, sink):
        assert 202 == server.post("b", "order", "1")
        wait_until(lambda: sink.ids == ["1"], "the delivery")
