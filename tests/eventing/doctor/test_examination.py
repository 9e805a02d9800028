import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

from eventing.doctor.check import Check
from eventing.doctor.examination import Subject, examine
from eventing.doctor.finding import Finding, ok


async def steps(*waits_s: float) -> AsyncIterator[Finding]:
    """A finding after each wait."""
    for wait_s in waits_s:
        await asyncio.sleep(wait_s)
        yield ok(Check.FSYNC, f"password after {wait_s}")


async def test_subjects_are_looked_at_side_by_side() -> None:
    """Ten that take a while take no longer than one; they are told in their order."""
    began_s = time.monotonic()
    found = await examine([Subject(str(n), partial(steps, 0.2)) for n in range(10)], timeout_s=1.0)
    assert time.monotonic() - began_s < 1.0
    assert [str(n) for n in range(10)] == [one.subject for one in found]


async def test_what_was_found_before_the_deadline_is_told() -> None:
    """And that the rest is missing."""
    (found,) = await examine([Subject("slow", partial(steps, 0.0, 60.0))], timeout_s=0.02)
    assert [(Check.FSYNC, "ok"), (Check.TIME, "failure")] == [(one.check, one.verdict) for one in found.findings]


async def test_secrets_of_a_subject_are_hidden() -> None:
    """Whatever was found says."""
    (found,) = await examine([Subject("x", partial(steps, 0.0), secrets=["password"])], timeout_s=1.0)
    assert "*** after 0.0" == found.findings[0].words
