"""Which faults a run goes through, in which order: the seed decides. Pure but for the faults it names."""

import random
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from tests.crash.journal import faults
from tests.crash.journal.faults import Fault

KILLS: Final[Mapping[str, tuple[int, Fault]]] = {
    "kill": (8, faults.kill),
    "kill in a commit": (6, faults.kill_in_commit),
    "kill in a checkpoint": (3, faults.kill_in_checkpoint),
    "kill in a prune": (2, faults.kill_in_prune),
    "kill in a start": (2, faults.kill_in_start),
    "kill in a stop": (2, faults.kill_in_stop),
    "kill in a redrive": (2, faults.kill_in_redrive),
    "kill beside a pause": (1, faults.pause),
}
"""How often, among each other, in a long run."""
MANNERS: Final = ("hang", "reset", "trickle", "slow")


def specials(*, is_long: bool) -> list[tuple[str, Fault]]:
    """Faults that are to happen once, whatever the dice say."""
    return [
        ("stop", faults.terminate),
        ("stops in a row", partial(faults.restart, times=50 if is_long else 5)),
        ("freeze", partial(faults.freeze, pause_s=60.0 if is_long else 2.0)),
        ("wrong clock", faults.shift_clock),
        *((f"{manner} sink", partial(faults.misbehave, manner=manner, pause_s=10.0)) for manner in MANNERS),
        ("crowd", partial(faults.crowd, count=1000 if is_long else 100)),
        ("writes refused", faults.refuse_writes),
    ]


def rounds(rng: random.Random, kills: int, *, is_long: bool = False) -> Iterator[tuple[str, Fault]]:
    """Faults without end: kills by their weight, and each special one once among them, spread over so many kills."""
    names, weights = list(KILLS), [weight for weight, _ in KILLS.values()]
    once = specials(is_long=is_long)
    rng.shuffle(once)
    every = max(1, kills // (2 * len(once)))
    while True:
        for name in rng.choices(names, weights, k=every):
            yield name, KILLS[name][1]
        if once:
            yield once.pop()
