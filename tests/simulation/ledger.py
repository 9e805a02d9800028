"""What happened, as anybody outside of the product could have seen it; `law` judges it.

Times are the virtual ones. A process is one life of the product between two crashes or stops, numbered from 0.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

from tests.simulation.plan import Plan, TriggerPlan, Wish

PARK_AFTER_S = 1.0
"""Waits that are longer than that are parked by contract."""


@dataclass(slots=True, eq=False)
class Published:
    """One event on its way into a Broker. `batch` are those published with it, itself among them."""

    id: str
    broker: str
    type: str
    key: str
    number: int
    """In the order of submission."""
    process: int
    sent_s: float
    batch: "list[Published]"
    brought_by: "Request | None" = None
    """The request whose answer it is, for replies."""
    receipt: Literal["", "stored", "refused"] = ""
    told_s: float = 0.0


@dataclass(slots=True, eq=False)
class Request:
    """One request to a Trigger's sink, or to its dead letter sink. `wish` is the one in force when it ended."""

    trigger: str
    event: str
    is_to_dead_letter_sink: bool
    number: int
    process: int
    began_s: float
    wish: Wish
    ended_s: float | None = None
    answer: str = ""
    retry_after_s: float = 0.0
    ends_badly: bool = False
    """A failure, and no retry was left for it."""

    @property
    def is_success(self) -> bool:
        return self.answer in ("ok", "plain", "reply", "ignored")

    @property
    def is_final(self) -> bool:
        return self.is_success or self.ends_badly

    @property
    def wait_min_s(self) -> float:
        """The least time until its retry: the jitter's lower bound, never below what the sink asked for."""
        wish = self.wish
        factor = self.number if wish.backoff_policy == "linear" else 2.0 ** (self.number - 1)
        return max(wish.backoff_delay_s * factor * 0.8, self.retry_after_s)


@dataclass(slots=True)
class Process:
    """One life. `calm_s` are moments at which each Broker had judged all it had stored."""

    began_s: float
    ended_s: float = float("inf")
    is_killed: bool = False
    commits: list[tuple[float, float]] = field(default_factory=list)
    """(began, ended) of those that succeeded."""
    calm_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Letter:
    """A dead letter that lies in the store at the end."""

    trigger: str
    event: str
    reason: str
    attempts: int
    redrive_state: str


@dataclass(slots=True)
class Total:
    """A Trigger's own counters at the end."""

    delivered: int
    dead_lettered: int
    waiting: int
    balance: int


@dataclass(slots=True)
class Ledger:
    plan: Plan
    published: dict[str, Published] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    wishes: dict[str, list[tuple[float, Wish]]] = field(default_factory=lambda: defaultdict(list))
    """When which wish came into force, by Trigger."""
    deleted_s: dict[str, float] = field(default_factory=dict)
    redrives_s: list[float] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    totals: dict[str, Total] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """What was seen to be wrong at the moment it happened."""

    @property
    def triggers(self) -> dict[str, TriggerPlan]:
        return {trigger.name: trigger for trigger in self.plan.triggers}
