"""How long a Broker keeps events that were settled: the text of annotation `eventing.dev/retention`.

A duration, a size, or both with a comma between: `PT24H`, `10Gi`, `P7D,10Gi`. What is older or beyond goes. Pure.
"""

import re
from dataclasses import dataclass
from typing import Final

from dispatcher.duration import parse_duration

RETENTION_ANNOTATION: Final = "eventing.dev/retention"
_QUANTITY: Final = re.compile(r"([0-9]+)(|k|M|G|T|Ki|Mi|Gi|Ti)")
_FACTORS: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY_FACTORS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@dataclass(frozen=True, slots=True)
class Retention:
    """0 sets no such bound; with neither, an event goes once it is settled."""

    age_s: float = 0.0
    size_max_bytes: int = 0


def parse_retention(text: str) -> Retention:
    """What the annotation says. Raises ValueError."""
    age_s, size_max_bytes = 0.0, 0
    for part in text.split(","):
        part = part.strip()
        if part[:1] == "P" and not age_s:
            age_s = parse_duration(part)
        elif (found := _QUANTITY.fullmatch(part)) and not size_max_bytes:
            size_max_bytes = int(found[1]) * (_FACTORS | _BINARY_FACTORS)[found[2]]
        else:
            raise ValueError(f"{text!r} is no retention: expected a duration, a size, or both, such as P7D,10Gi")
    return Retention(age_s, size_max_bytes)
