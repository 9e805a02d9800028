"""A supervised process: started again when it ends, and told to stop."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from eventing import worker as worker_module
from eventing.worker import Worker, WorkerRefused, worker_environment
from tests.eventing.stage import eventually

READY = "print('events  here', flush=True); print('health  there', flush=True);"


class Scripted(Worker):
    """It runs a script instead of a server."""

    def __init__(self, script: str, **environment: str) -> None:
        super().__init__("w", (), environment, lines=2)
        self._command = (sys.executable, "-c", script)


@asynccontextmanager
async def running(worker: Worker) -> "AsyncIterator[asyncio.Task[None]]":
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_it_is_ready_when_it_said_where_it_is() -> None:
    """And ends when it is asked to; what it was given it has in its environment."""
    script = "import os, sys, time; print(os.environ['EVENTING_ROLE']); print('x', flush=True); time.sleep(60)"
    worker = Scripted(script, EVENTING_ROLE="ingress")
    async with running(worker) as task:
        async with asyncio.timeout(20):
            await worker.wait_ready()
            assert ["ingress", "x"] == worker.lines
            worker.stop()
            await task


async def test_what_ends_is_started_again() -> None:
    """Also where it ended well: nobody asked it to."""
    worker = Scripted(READY)
    async with running(worker):
        await worker.wait_ready()
        worker.lines = []
        await eventually(lambda: worker.lines)
        worker.stop()


async def test_what_never_worked_and_says_why_is_not_started_again() -> None:
    """It would say the same again."""
    worker = Scripted("raise SystemExit(2)")
    with pytest.raises(WorkerRefused, match="w ended before it was ready, with exit code 2") as told:
        await worker.run()
    assert 2 == told.value.code


async def test_what_was_killed_before_it_was_ready_is_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That was not its own doing."""
    monkeypatch.setattr(worker_module, "BACKOFF_MIN_S", 0.01)
    worker = Scripted("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    async with running(worker):
        await eventually(lambda: caplog.text.count("w ended with exit code -9") >= 2)


async def test_what_the_machine_cannot_start_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the waits of one that ended: memory or processes that are short (ENOMEM, EAGAIN) end no team."""
    monkeypatch.setattr(worker_module, "BACKOFF_MIN_S", 0.01)
    worker = Scripted(READY)
    async with running(worker) as task:
        await worker.wait_ready()
        command, worker._command = worker._command, ("/nowhere", "")
        await eventually(lambda: caplog.text.count("w cannot be started: [Errno 2]") >= 3)
        waits_s = [float(words.split()[0]) for words in caplog.text.split("starts again in ")[1:]]
        assert waits_s == sorted(waits_s)
        assert waits_s[-1] > waits_s[0]
        worker.lines, worker._command = [], command
        await eventually(lambda: worker.lines)
        worker.stop()
        await asyncio.wait([task])
        assert task.exception() is None


async def test_its_input_ends_with_its_supervisor() -> None:
    """That is how it learns that it is alone."""
    worker = Scripted(READY + "import sys; sys.stdin.read()")
    async with running(worker):
        await worker.wait_ready()
        process = worker._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(20):
            await process.wait()
        worker.stop()


async def test_asked_to_stop_while_it_waits_it_starts_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "BACKOFF_MIN_S", 60.0)
    worker = Scripted(READY + "raise SystemExit(3)")
    async with running(worker) as task:
        await worker.wait_ready()
        process = worker._process
        assert process is not None
        await process.wait()
        worker.stop()
        async with asyncio.timeout(20):
            await task


async def test_signals_are_passed_on() -> None:
    """To a process that is there."""
    script = "import signal, time; signal.signal(signal.SIGHUP, lambda *_: exit(0));" + READY + "time.sleep(60)"
    worker = Scripted(script)
    worker.signal(signal.SIGHUP)
    async with running(worker):
        await worker.wait_ready()
        worker.lines = []
        worker.signal(signal.SIGHUP)
        await eventually(lambda: worker.lines)
        worker.stop()


def test_settings_become_an_environment() -> None:
    """Several values have commas between them; what is not set stays away."""
    values = {"role": ("ingress", "dispatcher"), "port": 1, "port_shared": True, "tls_key": None}
    expected = {"EVENTING_ROLE": "ingress,dispatcher", "EVENTING_PORT": "1", "EVENTING_PORT_SHARED": "True"}
    assert expected == worker_environment(values)
