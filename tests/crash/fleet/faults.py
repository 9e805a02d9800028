"""What happens to the processes, and to what is between them. Each fault finds all up and loaded."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Final

from tests.crash import workload
from tests.crash.disk import Disk
from tests.crash.fleet.engine import KafkaEngine
from tests.crash.fleet.run import DISPATCHERS, FOUND_OUT_S, LEASE_S, Run

Fault = Callable[[Run], Awaitable[None]]
_PATIENCE_S: Final = 30.0
_TAKEN_OVER_S: Final = LEASE_S + FOUND_OUT_S
"""When a dispatcher is gone that long others have what it had, and have delivered what is to come again."""
_TOPIC: Final = f"knative-messaging-kafka.default.{workload.BROKER}-kne-trigger"
"""Of a Broker that rests in a KafkaChannel."""
_FOUND_S: Final = 12.0
"""Until all processes know of new partitions: they look every 2 s, and Kafka's clients every 5 s."""


async def load(run: Run, least_s: float = 0.3, most_s: float = 1.5) -> None:
    """Let everything run for a while."""
    await asyncio.sleep(run.rng.uniform(least_s, most_s))


async def kill_engine(run: Run) -> None:
    """SIGKILL to the server that has the events; some seconds later it is back."""
    await load(run)
    doubt = await run.in_doubt(*DISPATCHERS)
    await asyncio.to_thread(run.engine.kill)
    run.tale.kills += 1
    await load(run, 0.2, 4.0)
    run.note_stop(f"{run.engine.name} killed", doubt, is_over=False)
    await asyncio.to_thread(run.engine.start)


async def kill_dispatcher(run: Run) -> None:
    """SIGKILL to one of two; it is back before the other one has what it had, or after that."""
    await load(run)
    name = run.rng.choice(DISPATCHERS)
    await run.kill(name)
    await load(run, 0.0, 2 * LEASE_S)
    await run.start(name)


async def kill_dispatchers(run: Run) -> None:
    """SIGKILL to both at once."""
    await load(run)
    await run.kill(*DISPATCHERS)
    await load(run, 0.0, 2.0)


async def kill_ingress(run: Run) -> None:
    """SIGKILL in the middle of answers."""
    await load(run)
    await run.kill("ingress")


async def kill_controller(run: Run) -> None:
    """SIGKILL: events flow meanwhile."""
    await load(run)
    await run.kill("controller")
    await run.flow()


async def stop_dispatcher(run: Run) -> None:
    """SIGTERM under load."""
    await load(run)
    await run.stop(run.rng.choice(DISPATCHERS))
    await load(run, 0.0, 2.0)


async def churn(run: Run, lasting_s: float, every_s: float) -> None:
    """Dispatchers are stopped and started in turn."""
    until_s = time.monotonic() + lasting_s
    while (began_s := time.monotonic()) < until_s:
        name = run.rng.choice(DISPATCHERS)
        await run.stop(name)
        await run.start(name)
        await asyncio.sleep(max(0.0, began_s + every_s - time.monotonic()))


async def freeze(run: Run, pause_s: float) -> None:
    """SIGSTOP to a dispatcher: its work moves to the other one, and it comes back as one that has nothing."""
    await load(run)
    name = run.rng.choice(DISPATCHERS)
    member, doubt = run.members[name], await run.in_doubt(name)
    member.signal(signal.SIGSTOP)
    await asyncio.sleep(0.2)
    run.note_stop("dispatcher frozen", doubt, is_over=False)
    frozen_s = time.monotonic()
    if pause_s > _TAKEN_OVER_S:
        await asyncio.sleep(_TAKEN_OVER_S)
        await run.flow()
    await asyncio.sleep(max(0.0, frozen_s + pause_s - time.monotonic()))
    run.note_stop("dispatcher goes on", doubt, is_over=False)
    member.signal(signal.SIGCONT)


async def cut_network(run: Run) -> None:
    """Connections to the server end, and none is made for a while."""
    await load(run)
    doubt = await run.in_doubt(*DISPATCHERS)
    run.engine.proxy.manner = "refuse"
    await load(run, 0.5, 4.0)
    run.note_stop("network cut", doubt, is_over=False)
    run.engine.proxy.manner = "pass"


async def silence(run: Run) -> None:
    """The network swallows everything for a while."""
    await load(run)
    doubt = await run.in_doubt(*DISPATCHERS)
    run.engine.proxy.manner = "hole"
    await load(run, 2.0, 8.0)
    run.note_stop("network silent", doubt, is_over=False)
    run.engine.proxy.manner = "pass"


async def lose_database(run: Run) -> None:
    """The database is away: events flow meanwhile."""
    await load(run)
    await asyncio.to_thread(run.postgres.kill)
    try:
        await run.flow()
        await load(run, 2.0, 4.0)
        await run.flow()
    finally:
        await asyncio.to_thread(run.postgres.start)


async def grow_topic(run: Run) -> None:
    """Partitions are added under load: keys move, so their order begins anew."""
    assert isinstance(run.engine, KafkaEngine)
    await load(run)
    run.ledger.era(is_ordered=False)
    await asyncio.to_thread(run.engine.add_partitions, _TOPIC, 2)
    await asyncio.sleep(_FOUND_S)
    run.ledger.era(is_ordered=True)


async def fill_disk(run: Run, disk: Disk) -> None:
    """The server's disk is full: producers are refused. Where the server ends of it, it is started again with room."""
    await load(run)
    doubt = await run.in_doubt(*DISPATCHERS)
    disk.fill()
    refused, deadline = run.producers.refused, time.monotonic() + _PATIENCE_S
    while run.producers.refused == refused and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    if run.producers.refused == refused:
        run.complain(f"no event was refused while the disk was full for {_PATIENCE_S:g} s")
    await load(run, 0.5, 3.0)
    run.note_stop(f"disk of {run.engine.name} full", doubt, is_over=False)
    if run.engine.is_running and run.rng.random() < 0.5:
        await asyncio.to_thread(run.engine.kill)
        run.tale.kills += 1
    disk.free()
