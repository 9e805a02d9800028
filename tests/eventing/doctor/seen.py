"""What examinations find, as tests compare it."""

from collections.abc import AsyncIterator

from eventing.doctor.finding import Finding

Verdicts = dict[str, list[str]]


async def findings(found: AsyncIterator[Finding]) -> list[Finding]:
    """All of them."""
    return [one async for one in found]


def unwell(found: list[Finding]) -> dict[str, str]:
    """The verdict of every check that is a warning or a failure; the worst where it occurs several times."""
    ranks = {"warning": 1, "failure": 2}
    worst: dict[str, str] = {}
    for one in found:
        if ranks.get(one.verdict, 0) > ranks.get(worst.get(one.check.value, ""), 0):
            worst[one.check.value] = one.verdict
    return worst


def words(found: list[Finding], check: str) -> str:
    """What was seen by a check."""
    return "\n".join(one.words for one in found if one.check.value == check)
