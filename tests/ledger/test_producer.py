"""Producers that send to the sink itself: what both write down agrees, whatever the sink does."""

import asyncio
import random
from collections import Counter

import pytest

from tests.ledger.ledger import Ledger, Route
from tests.ledger.producer import Producers
from tests.ledger.record import NO_ANSWER, Received, Sent
from tests.ledger.sink import RecordingSink, Script

ROUTES = {"order": Route(frozenset({"exact"}))}


async def sent_to(script: Script, *, events: int = 200, batch_every: int = 100) -> tuple[Ledger, Counter[int], int]:
    """The ledger of so many events, the answers by status, and how many strangers the sink had."""
    ledger, answers, enough = Ledger(ROUTES), Counter[int](), asyncio.Event()

    def sent(record: Sent) -> None:
        ledger.sent(record)
        answers[record.status] += 1
        if answers.total() >= events:
            producers.pause()
            enough.set()

    async with RecordingSink(ledger.received) as sink:
        sink.scripts["exact"] = script
        producers = Producers(
            sent, count=4, routes=["order"], keys=10, rng=random.Random(1), batch_every=batch_every, batch_events=3
        )
        async with producers:
            producers.start(f"{sink.url}/exact")
            await enough.wait()
            await producers.wait_idle()
        return ledger, answers, len(sink.strangers)


async def test_all_that_is_accepted_is_written_down_on_both_sides() -> None:
    ledger, answers, strangers = await sent_to(Script())
    assert ([], 0) == (ledger.verdict().findings, strangers)
    assert answers[202] == ledger.delivered("exact") == answers.total()


@pytest.mark.parametrize(
    "script",
    [
        Script(delay_s=0.002),
        Script("trickle", delay_s=0.005),
        Script(first_n=20, status=503),
        Script("reset", first_n=20),
    ],
)
async def test_every_answer_is_written_down_as_it_was(script: Script) -> None:
    """What is reset has no answer, and the sink says the same."""
    ledger, answers, _ = await sent_to(script, events=100)
    status = {"answer": 503, "reset": NO_ANSWER}.get(script.manner, 202)
    if script.first_n:
        assert 20 == answers[status]
    assert answers[202] == ledger.verdict().stored == ledger.delivered("exact")
    assert answers[503] == ledger.verdict().refused


async def test_a_share_of_requests_can_be_refused() -> None:
    _, answers, _ = await sent_to(Script(status=503, share=0.5), events=400)
    assert 100 < answers[503] < 300


async def test_a_sink_that_hangs_answers_nobody() -> None:
    """Who waits for it is answered by nobody, and both write that down."""
    arrived: list[int] = []
    answered: list[int] = []
    both_arrived = asyncio.Event()

    def received(record: Received) -> None:
        arrived.append(record.status)
        if len(arrived) == 2:
            both_arrived.set()

    async with RecordingSink(received) as sink:
        sink.scripts["exact"] = Script("hang")
        producers = Producers(
            lambda record: answered.append(record.status), count=2, routes=["order"], keys=1, rng=random.Random(1)
        )
        async with producers:
            producers.start(f"{sink.url}/exact")
            await both_arrived.wait()
    assert [NO_ANSWER] * 2 == arrived == answered


async def test_a_batch_is_no_event_of_ours_for_a_sink() -> None:
    """Batches are for a server to take apart: sent to a sink they are strangers, and refused."""
    _, answers, strangers = await sent_to(Script(), events=60, batch_every=1)
    assert strangers * 3 == answers[400] == answers.total()
