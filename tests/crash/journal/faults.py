"""What happens to the server. Each fault finds it up and loaded, and leaves it up, or down and noted."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.crash import workload
from tests.crash.journal import assassin
from tests.crash.journal.clock import WallClock
from tests.crash.journal.run import Run
from tests.ledger.sink import Script
from tests.rig.volume import Volume

Fault = Callable[[Run], Awaitable[None]]
_PATIENCE_S: Final = 10.0
_STRIKE_MAX_S: Final = 1.0
"""How long a moment is waited for; without one it is as good as any."""


async def load(run: Run, least_s: float = 0.1, most_s: float = 0.5) -> None:
    """Let everything run for a while."""
    await asyncio.sleep(run.rng.uniform(least_s, most_s))


async def kill(run: Run) -> None:
    """SIGKILL at a random moment."""
    await load(run)
    await run.kill("kill")


async def kill_in_commit(run: Run) -> None:
    """SIGKILL while the log of the database is being written."""
    await load(run)
    log = run.server.journal.with_name(run.server.journal.name + "-wal")
    is_in_time = await _assassinate(run, log, run.rng.choice((0, 40_000)))
    await run.after_kill("kill in a commit" if is_in_time else "kill")


async def kill_in_checkpoint(run: Run) -> None:
    """SIGKILL while the database itself is being written: which only checkpoints do."""
    await load(run)
    is_in_time = await _assassinate(run, run.server.journal, 0)
    await run.after_kill("kill in a checkpoint" if is_in_time else "kill")


async def kill_in_prune(run: Run) -> None:
    """SIGKILL while a backlog is being worked off and settled events go, with nothing new beside them."""
    run.sink.scripts["exact"] = Script("hang")
    await load(run)
    run.producers.pause()
    workload.set_everyday(run.sink)
    await run.server.kill()
    await run.after_kill("kill with a backlog")
    await run.server.start()
    await asyncio.sleep(run.rng.uniform(0.0, 0.1))
    await run.kill("kill in a prune")


async def kill_in_start(run: Run) -> None:
    """SIGKILL while it starts: opens the database, recovers its log, migrates, reads what it needs."""
    await run.kill("kill")
    await run.server.spawn()
    await asyncio.sleep(run.rng.uniform(0.1, 0.6))
    await run.kill("kill in a start")


async def kill_in_stop(run: Run) -> None:
    """SIGKILL soon after SIGTERM."""
    await load(run)
    run.server.signal(signal.SIGTERM)
    await asyncio.sleep(run.rng.uniform(0.0, 0.15))
    await run.kill("kill in a stop")


async def kill_in_redrive(run: Run) -> None:
    """SIGKILL while dead letters are being delivered once more."""
    run.sink.scripts["stored"] = Script(status=400)
    await load(run)
    workload.set_well(run.sink)
    await run.server.order("deadletters/redrive", trigger="stored")
    await asyncio.sleep(run.rng.uniform(0.0, 0.1))
    await run.kill("kill in a redrive")
    workload.set_everyday(run.sink)


async def terminate(run: Run) -> None:
    """SIGTERM under load: it ends by itself, with 0."""
    await load(run)
    await _stop(run)


async def restart(run: Run, times: int) -> None:
    """Stops and starts in a row, each with a little load."""
    for _ in range(times):
        await run.ensure_up()
        await load(run, 0.02, 0.1)
        await _stop(run)


async def freeze(run: Run, pause_s: float) -> None:
    """SIGSTOP for a while: to the server, all its clocks jump."""
    await load(run)
    run.server.signal(signal.SIGSTOP)
    await asyncio.sleep(pause_s)
    run.server.signal(signal.SIGCONT)
    await load(run)


async def shift_clock(run: Run) -> None:
    """The wall clock jumps by an hour, forth or back, while the server runs, and back while it is down."""
    if run.server.is_running:
        await run.kill("kill")
    clock = WallClock(run.folder / "clock")
    plain = run.server.environment
    run.server.environment = {**plain, **clock.environment}
    await run.ensure_up()
    await load(run)
    clock.shift(run.rng.choice((3600, -3600)))
    await load(run)
    await run.kill("kill with a wrong clock")
    await run.ensure_up()
    await load(run)
    await run.kill("kill with a wrong clock")
    run.server.environment = plain


async def misbehave(run: Run, manner: str, pause_s: float) -> None:
    """One sink hangs, resets, trickles or is slow; the others go on; then the server is killed."""
    scripts = {
        "hang": Script("hang"),
        "reset": Script("reset"),
        "trickle": Script("trickle", delay_s=pause_s),
        "slow": Script(delay_s=pause_s),
    }
    run.sink.scripts["refusing"] = scripts[manner]
    before = run.ledger.delivered("exact")
    await load(run, 0.3, 0.6)
    if run.ledger.delivered("exact") == before:
        run.complain(f"nothing came to a good sink while another one had the manner {manner}")
    await run.kill(f"kill beside a sink: {manner}")
    workload.set_everyday(run.sink)


async def pause(run: Run) -> None:
    """A Trigger is paused under load, the server killed, the Trigger resumed."""
    run.configure(is_paused=True)
    await run.reload()
    await load(run)
    await run.kill("kill beside a pause")
    run.configure(is_paused=run.rng.random() < 0.5)


async def crowd(run: Run, count: int) -> None:
    """Triggers are created, changed and deleted under load, and the server killed in between."""
    for generation in range(2):
        workload.write(run.server.manifests, "crowd", workload.crowd(run.sink.url, count, generation))
        run.server.signal(signal.SIGHUP)
        await load(run)
    await run.kill("kill in a crowd")
    workload.write(run.server.manifests, "crowd", workload.crowd(run.sink.url, count // 2, 2))
    await run.ensure_up()
    await load(run)
    workload.write(run.server.manifests, "crowd", "")
    run.server.signal(signal.SIGHUP)
    deadline = time.monotonic() + _PATIENCE_S
    while len(await run.server.lanes()) > len(workload.TRIGGERS):
        if time.monotonic() > deadline:
            run.complain(f"{count // 2} Triggers were not deleted within {_PATIENCE_S:g} s")
            return


async def refuse_writes(run: Run) -> None:
    """No file may grow: to the database, a disk that fails. Then it may again, and events are accepted again."""
    await load(run)
    run.server.limit_files(1)
    await asyncio.sleep(run.rng.uniform(0.2, 0.5))
    if not run.server.is_running:
        run.complain(f"it ended when its disk failed: {run.server.last_words}")
        await run.after_stop("a disk that failed")
        return
    run.server.limit_files(None)
    await accepts_again(run, "its disk works again")


async def fill_disk(run: Run, volume: Volume) -> None:
    """The disk is full: producers are told so, deliveries go on. Then there is room, and events are accepted again."""
    run.sink.scripts["exact"] = Script(status=503)  # so that something waits, and the journal has to grow
    await load(run)
    volume.fill(run.server.process.pid)
    refused, delivered = run.producers.refused, run.ledger.delivered("exact")
    if not await _comes(lambda: run.producers.refused > refused):
        run.complain("no event was refused while the disk was full")
    workload.set_everyday(run.sink)
    if not await _comes(lambda: run.ledger.delivered("exact") > delivered):
        run.complain("nothing was delivered any more while the disk was full")
    if run.rng.random() < 0.5:
        await run.kill("kill with a full disk")
        volume.free(run.server.process.pid)
        await run.ensure_up()
    volume.free(run.server.process.pid)
    await accepts_again(run, "there was room again")


async def accepts_again(run: Run, since: str) -> None:
    """Complain where no event is acknowledged within some seconds."""
    stored = run.producers.stored
    if not await _comes(lambda: run.producers.stored > stored):
        run.complain(f"no event was accepted within {_PATIENCE_S:g} s since {since}")


async def _comes(condition: Callable[[], bool]) -> bool:
    """Whether it comes true, soon."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


async def _stop(run: Run) -> None:
    run.server.signal(signal.SIGTERM)
    try:
        code = await run.server.wait()
    except TimeoutError:
        run.complain(f"asked to stop it did not end: {run.server.last_words}")
        await run.server.kill()
    else:
        if code:
            run.complain(f"asked to stop it ended with {code}: {run.server.last_words}")
    await run.after_stop("stop")


async def _assassinate(run: Run, watched: Path, grown_bytes: int) -> bool:
    """Whether the moment came before patience ended."""
    words = (str(run.server.process.pid), str(watched), str(grown_bytes), str(_STRIKE_MAX_S))
    command = (sys.executable, "-S", "-E", assassin.__file__, *words)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    await run.server.wait()
    return out != b"time"
