"""A journal that was damaged while nobody looked: what can be read is served, what cannot is counted."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash import workload
from tests.crash.journal import faults
from tests.crash.journal.run import Run
from tests.crash.stage import Load
from tests.e2e.manifests import broker, to_yaml, trigger
from tests.e2e.process import Server, Sink, running, wait_until

EVENTS = 20
LOAD = Load(producers=10, events_per_s=800)
Damage = Callable[[Path, random.Random], None]
ACCOUNTS = (" by its sink", " matched and ", "[-]accounts")
"""In complaints about counters: they know of events that are gone."""
NOBODY = "http://127.0.0.1:9"


def flip(path: Path, text: bytes) -> int:
    """Change a byte wherever the text stands in the file, and say how often that was."""
    content = bytearray(path.read_bytes())
    count, at = 0, content.find(text)
    while at >= 0:
        content[at] ^= 0xFF
        count, at = count + 1, content.find(text, at + 1)
    path.write_bytes(content)
    return count


def test_one_damaged_event_is_set_aside_once_and_the_rest_is_served(tmp_path: Path) -> None:
    """Its checksum tells. It is delivered to nobody, and counted; a further restart finds nothing more."""
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", NOBODY, annotations={"eventing.dev/paused": "true"})))
    server = Server(tmp_path, manifest)
    with running(server):
        assert [202] * EVENTS == [server.post("b", "order", f"number-{number:02}") for number in range(EVENTS)]
        assert 0 == server.stop()
    assert flip(tmp_path / "data" / "journal.db", b"number-07") > 0

    sink = Sink(tmp_path, "sink")
    manifest.write_text(to_yaml(broker(), trigger("t", sink.url)))
    with running(sink):
        for _ in range(2):
            server = Server(tmp_path, manifest)
            with running(server):
                wait_until(lambda: len(sink.ids) >= EVENTS - 1, "the others")
                wait_until(server.is_settled, "everything is settled")
                assert 1 == server.ask("brokers/default/b")["statistics"]["damaged"]
        assert {f"number-{number:02}" for number in range(EVENTS)} - {"number-07"} == set(sink.ids)


def cut(path: Path, rng: random.Random) -> None:
    """The end of the file is gone."""
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) // 2, len(content))])


def scribble(path: Path, rng: random.Random) -> None:
    """Bytes here and there are others."""
    content = bytearray(path.read_bytes())
    for _ in range(20):
        content[rng.randrange(4096, len(content))] ^= rng.randrange(1, 256)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, scribble])
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_damaged_file_costs_what_was_in_it_and_no_more(tmp_path: Path, damage: Damage, seed: int) -> None:
    """The server starts, serves what it can read, takes new events, and delivers nothing that was never sent."""
    async with Run(tmp_path, seed=seed, load=LOAD) as run:
        run.configure(is_paused=True)
        await run.play("stop with a backlog", faults.terminate)
        damage(run.server.journal, run.rng)
        stored = run.producers.stored
        await run.play("go on", faults.load)
        assert run.producers.stored > stored
        verdict = await run.end()
        assert [] == [words for words in verdict.findings if " lost: " not in words]
        assert [] == [words for words in run.tale.complaints if not any(map(words.count, ACCOUNTS))]
        assert {place.trigger for place in verdict.lost} <= {*workload.TRIGGERS}
        assert verdict.delivered > 0
