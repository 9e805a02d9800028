"""How long events are kept after every group has settled them. Pure."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Retention:
    """At least that long, and of the youngest at least that much; 0 is none of that kind. Both 0: not at all."""

    age_s: float = 0.0
    size_max_bytes: int = 0

    def __bool__(self) -> bool:
        return self.age_s > 0 or self.size_max_bytes > 0


NO_RETENTION: Final = Retention()
