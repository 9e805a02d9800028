"""Nothing that was accepted is lost, whichever of several processes fails, or the server that has their events: short
runs of what `make crash BACKEND=redis` and `BACKEND=kafka` do for longer.
"""

from pathlib import Path

import pytest

from tests.crash.fleet import faults
from tests.crash.fleet.campaign import ENGINES
from tests.crash.fleet.run import Run
from tests.crash.score import Chapter
from tests.crash.stage import Load
from tests.rig.fixture import miss
from tests.rig.kafka_jars import has_kafka
from tests.rig.postgres import Postgres
from tests.rig.redis import redis_program

LOAD = Load(producers=10, events_per_s=300)
FAULTS = {
    "server killed": faults.kill_engine,
    "dispatcher killed": faults.kill_dispatcher,
    "ingress killed": faults.kill_ingress,
}


@pytest.fixture(params=["redis", "kafka"])
def backend(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    if not {"redis": redis_program, "kafka": has_kafka}[found]():
        miss(found.capitalize())
    return found


async def test_nothing_is_lost_whatever_fails(tmp_path: Path, postgres: Postgres, backend: str) -> None:
    """One after the other: each key is delivered in order where that is asked for, accounts balance, and no more comes
    again than was in flight.
    """
    engine = ENGINES[backend](tmp_path / backend, None)
    async with Run(tmp_path, engine=engine, postgres=postgres, seed=1, load=LOAD) as run:
        for name, fault in FAULTS.items():
            await run.play(name, fault)
        verdict = await run.end(patience_s=60.0)
    tale = run.tale
    chapter = Chapter(
        seed=1, kills=tale.kills, duration_s=0, verdict=verdict, ready_s=tale.ready_s, stops=tale.stops,
        complaints=tale.complaints,
    )  # fmt: skip
    assert [] == chapter.faults_found, verdict.summary
    assert verdict.stored > 0
