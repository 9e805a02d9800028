"""Which faults a run goes through, in which order: the seed decides. Pure but for the faults it names."""

import random
from collections.abc import Mapping
from functools import partial
from typing import Final

from tests.crash.fleet import faults
from tests.crash.fleet.faults import Fault

LONG: Final = 20
"""From so many faults on there is time for what takes a minute or two, once."""
_KILLS: Final[Mapping[str, tuple[int, Fault]]] = {
    "server killed": (4, faults.kill_engine),
    "dispatcher killed": (5, faults.kill_dispatcher),
    "both dispatchers killed": (2, faults.kill_dispatchers),
    "ingress killed": (2, faults.kill_ingress),
    "controller killed": (1, faults.kill_controller),
    "dispatcher stopped": (2, faults.stop_dispatcher),
    "network cut": (2, faults.cut_network),
    "network silent": (2, faults.silence),
}
"""How often, among each other."""


def specials(backend: str, count: int) -> list[tuple[str, Fault]]:
    """Faults that are to happen once, whatever the dice say."""
    once: list[tuple[str, Fault]] = [
        ("server killed", faults.kill_engine),
        ("dispatcher killed", faults.kill_dispatcher),
        ("network silent", faults.silence),
        ("database away", faults.lose_database),
    ]
    if backend == "kafka":
        once.append(("partitions added", faults.grow_topic))
    if count >= LONG:
        once.append(("dispatcher frozen", partial(faults.freeze, pause_s=60.0)))
        once.append(("dispatchers come and go", partial(faults.churn, lasting_s=120.0, every_s=5.0)))
    else:
        once.append(("dispatcher frozen", partial(faults.freeze, pause_s=3.0)))
    return once


def rounds(rng: random.Random, backend: str, count: int) -> list[tuple[str, Fault]]:
    """So many faults: each special one, then others by their weight, all mixed."""
    names, weights = list(_KILLS), [weight for weight, _ in _KILLS.values()]
    once = specials(backend, count)
    rng.shuffle(once)
    once = once[:count]
    found = once + [(name, _KILLS[name][1]) for name in rng.choices(names, weights, k=count - len(once))]
    rng.shuffle(found)
    return found
