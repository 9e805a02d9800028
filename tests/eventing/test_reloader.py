"""Files into the store: all of them or nothing, again whenever they change, and only then."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eventing.applier import Applied
from eventing.errors import StoreUnavailable
from eventing.manifest import ManifestError
from eventing.reloader import Reloader
from eventing.resources.core import NAMESPACE
from eventing.resources.identity import Key, Object
from tests.e2e.manifests import broker, to_yaml, trigger
from tests.eventing.apiserver.registry import registry_of
from tests.eventing.stage import PATIENCE_S, broker_key, eventually, settle, trigger_key
from tests.eventing.store.memory_store import MemoryStore

URL = "http://127.0.0.1:9/"
BAD = "kind: Broker\n---\n{"
INTERVAL_S = 0.002


class Case:
    """A reloader of one folder."""

    def __init__(self, folder: Path, *more: Path) -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.reloader = Reloader(
            registry=registry_of(self.store), paths=[folder, *more], prune=True, watch_interval_s=INTERVAL_S
        )

    def write(self, *items: Object, name: str = "all.yaml") -> Path:
        path = self.folder / name
        path.write_text(to_yaml(*items))
        return path

    @property
    def keys(self) -> set[Key]:
        """Of all that is there, but for namespaces."""
        return {key for key in self.store._shelf.objects if key.kind != "Namespace"}

    @property
    def version(self) -> int:
        return self.store._log.version

    @asynccontextmanager
    async def running(self, *, watch: bool = False) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.reloader.run())]
        tasks += [asyncio.create_task(self.reloader.watch())] if watch else []
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with pytest.raises(asyncio.CancelledError):
                    await task


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


async def test_files_become_resources_and_go_with_them(case: Case) -> None:
    case.write(broker(), trigger("t", URL))
    applied = await case.reloader.load()
    assert {broker_key(), trigger_key()} == case.keys == {*applied.created} - {NAMESPACE.key("", "default")}
    case.write(broker(), trigger("u", URL))
    applied = await case.reloader.load()
    assert {broker_key(), trigger_key("u")} == case.keys
    assert (trigger_key(),) == applied.deleted


async def test_no_files_are_no_resources() -> None:
    applied = await Reloader(registry=registry_of(MemoryStore()), paths=()).load()
    assert Applied((), (), ()) == applied


async def test_without_pruning_nothing_goes(tmp_path: Path) -> None:
    """A file that is missing is more often a mistake than a wish."""
    store = MemoryStore()
    reloader = Reloader(registry=registry_of(store), paths=[tmp_path])
    (tmp_path / "all.yaml").write_text(to_yaml(broker()))
    await reloader.load()
    (tmp_path / "all.yaml").unlink()
    assert () == (await reloader.load()).deleted
    assert broker_key() in store._shelf.objects


async def test_files_with_a_fault_change_nothing(case: Case) -> None:
    """What stood there before stays, and still goes when the files are mended without it."""
    case.write(broker(), trigger("t", URL))
    await case.reloader.load()
    version = case.version
    (case.folder / "bad.yaml").write_text(BAD)
    with pytest.raises(ManifestError):
        await case.reloader.load()
    assert version == case.version
    (case.folder / "bad.yaml").unlink()
    case.write(broker())
    await case.reloader.load()
    assert {broker_key()} == case.keys


async def test_what_was_made_by_others_is_left_alone(case: Case) -> None:
    case.write(broker())
    await case.reloader.load()
    await case.store.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": "default"}}
    )
    case.write()
    await case.reloader.load()
    assert {Key("", "ConfigMap", "default", "mine")} == case.keys


async def test_what_is_requested_is_loaded_and_told(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with case.running():
        case.write(broker(), trigger("t", URL))
        case.reloader.request()
        await eventually(lambda: "reloaded: 3 created, 0 updated, 0 deleted" in caplog.text)
        case.write(broker(retry=3))
        case.reloader.request()
        await eventually(lambda: "reloaded: 0 created, 1 updated, 1 deleted" in caplog.text)


async def test_requests_that_come_together_are_one(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    case.write(broker())
    async with case.running():
        for _ in range(10):
            case.reloader.request()
        await eventually(lambda: caplog.records)
        case.write(broker(), trigger("t", URL))
        case.reloader.request()
        await eventually(lambda: trigger_key() in case.keys)
        await eventually(lambda: len(caplog.records) == 2)


async def test_a_fault_is_logged_line_by_line_and_the_next_request_is_served(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    bad = case.write(trigger("t", "relative", filters=[{"prefix": {"type": ""}}]))
    async with case.running():
        case.reloader.request()
        await eventually(lambda: len(caplog.records) == 2)
        assert all(f"not reloaded: {bad}: document 1" in record.getMessage() for record in caplog.records)
        case.write(trigger("t", URL))
        case.reloader.request()
        await eventually(lambda: case.keys == {trigger_key()})


async def test_a_file_that_appears_changes_or_goes_is_seen(case: Case) -> None:
    case.write(broker())
    await case.reloader.load()
    async with case.running(watch=True):
        added = case.write(trigger("t", URL), name="t.yaml")
        await eventually(lambda: trigger_key() in case.keys)
        case.write(trigger("u", URL), name="t.yaml")
        await eventually(lambda: case.keys == {broker_key(), trigger_key("u")})
        added.unlink()
        await eventually(lambda: case.keys == {broker_key()})


async def test_a_change_between_the_first_load_and_the_watch_is_seen(case: Case) -> None:
    case.write(broker())
    await case.reloader.load()
    case.write(broker(), trigger("t", URL))
    async with case.running(watch=True):
        await eventually(lambda: trigger_key() in case.keys)


async def test_a_file_replaced_by_one_of_equal_size_and_time_is_seen(case: Case) -> None:
    """As `mv` and volumes of Kubernetes do it."""
    path = case.write(broker(), trigger("t", URL))
    await case.reloader.load()
    status = path.stat()
    replacement = case.write(broker(), trigger("u", URL), name="all.new")
    os.utime(replacement, ns=(status.st_atime_ns, status.st_mtime_ns))
    replacement.rename(path)
    assert (status.st_size, status.st_mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)
    async with case.running(watch=True):
        await eventually(lambda: trigger_key("u") in case.keys)


async def test_only_what_is_read_is_watched(case: Case) -> None:
    case.write(broker())
    await case.reloader.load()
    (case.folder / "notes.txt").write_text("not a manifest")
    assert case.reloader._seen == case.reloader._fingerprint()


async def test_bad_files_are_told_once_for_each_state_of_them(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    await case.reloader.load()
    async with case.running(watch=True):
        (case.folder / "bad.yaml").write_text("kind: [")
        await eventually(lambda: caplog.records)
        (case.folder / "good.yaml").write_text(to_yaml(broker()))
        await eventually(lambda: len(caplog.records) == 2)
        (case.folder / "bad.yaml").unlink()
        await eventually(lambda: broker_key() in case.keys)
        assert 2 == len(caplog.records)


async def test_what_cannot_be_looked_at_is_not_there(tmp_path: Path) -> None:
    """A folder or file that vanishes ends no watch."""
    folder = tmp_path / "folder"
    folder.mkdir()
    case = Case(folder, tmp_path / "missing.yaml")
    case.write(broker())
    assert [folder / "all.yaml"] == [*case.reloader._fingerprint()]
    (folder / "all.yaml").unlink()
    (folder / "dangling.yaml").symlink_to(folder / "nowhere")
    assert {} == case.reloader._fingerprint()
    (folder / "dangling.yaml").unlink()
    folder.rmdir()
    assert {} == case.reloader._fingerprint()


async def test_events_go_on_while_files_are_read(tmp_path: Path) -> None:
    """Here a file takes as long as it takes the loop to turn."""
    path = tmp_path / "slow"
    os.mkfifo(path)
    case = Case(path)
    turned = threading.Event()
    found: list[bool] = []

    def write() -> None:
        found.append(turned.wait(PATIENCE_S))
        path.write_text(to_yaml(broker()))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    async with case.running():
        case.reloader.request()
        await settle()
        turned.set()
        await eventually(lambda: case.keys == {broker_key()})
    writer.join()
    assert [True] == found


async def test_a_request_waits_for_a_store_that_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line says so each time, without a trace; what was asked for is done when it is back."""
    faults = [StoreUnavailable("no database"), StoreUnavailable("no database")]

    @asynccontextmanager
    async def together() -> AsyncIterator[None]:
        if faults:
            raise faults.pop()
        yield

    case = Case(tmp_path)
    case.write(broker())
    case.reloader = Reloader(
        registry=registry_of(case.store), paths=[tmp_path], together=together, away_pause_s=INTERVAL_S
    )
    async with case.running():
        case.reloader.request()
        await eventually(lambda: broker_key() in case.keys)
    assert ["not reloaded yet: no database"] * 2 == caplog.messages
