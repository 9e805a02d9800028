"""All subjects at a time, each within its deadline: a server that swallows what it is sent costs seconds."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, cast

from eventing.doctor.check import Check
from eventing.doctor.finding import Diagnosis, Finding, failure

ANSWERS: Final = 4
"""How many answers of the longest kind one subject may take."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: how reports call it, what must not be told, and findings as they are made."""

    name: str
    examine: Callable[[], AsyncIterator[Finding]]
    secrets: Collection[str] = ()


async def examine(subjects: Sequence[Subject], *, timeout_s: float) -> list[Diagnosis]:
    """What is found, in the order of the subjects. `timeout_s` is what one answer may take."""
    return list(await asyncio.gather(*(_examine(subject, ANSWERS * timeout_s) for subject in subjects)))


async def _examine(subject: Subject, deadline_s: float) -> Diagnosis:
    found: list[Finding] = []
    try:
        async with (
            asyncio.timeout(deadline_s),
            aclosing(cast("AsyncGenerator[Finding]", subject.examine())) as findings,
        ):
            async for finding in findings:
                found.append(finding)  # noqa: PERF401 - what was found before the deadline stays
    except TimeoutError:
        words = f"the rest was not seen: it took longer than {deadline_s:g} s"
        found.append(failure(Check.TIME, words, "look at the network and the server's load, or give it more --timeout"))
    return Diagnosis(subject.name, tuple(finding.without(subject.secrets) for finding in found))
