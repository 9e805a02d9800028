"""What a seed decides before a run begins: who publishes what, who wants what, and what goes wrong when.

Each run has a few features and not all of them: what two of them do to each other shows better where the others are
silent.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, Literal

Answer = Literal["ok", "plain", "reply", "ignored", "500", "503", "429", "404", "400", "timeout", "gone"]
"""What a sink says: 204 by the short way or the long one, an event, a body that is none; a status; nothing."""
FAILURES: Final[tuple[Answer, ...]] = ("500", "503", "429", "404", "400", "timeout", "gone")
TYPES: Final = ("t0", "t1", "t2")
REPLY_TYPE: Final = "r"
FEATURES: Final = (
    "crash", "stop", "slow disk", "full disk", "broken disk", "memory", "order", "rate", "pause", "concurrency",
    "dead letter sinks", "redrive", "late", "earliest", "change", "delete", "reply", "wall clock", "small window",
    "small journal", "recreate", "encore", "refusals", "deaths", "slow sinks", "far retries", "breaker", "two brokers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phase:
    """How a sink behaves until that time: one of these answers at random, after a time between the two."""

    until_s: float
    answers: tuple[Answer, ...]
    latency_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a Trigger's specification says. `types` empty: everything; a type that ends in `*` is a prefix."""

    types: tuple[str, ...] = ()
    retry: int = 3
    backoff_policy: Literal["linear", "exponential"] = "exponential"
    backoff_delay_s: float = 0.2
    timeout_s: float = 5.0
    has_dead_letter_sink: bool = False
    is_ordered: bool = False
    concurrency: int | None = None
    rate: float | None = None
    is_paused: bool = False

    def matches(self, type: str) -> bool:  # noqa: A002
        return not self.types or any(
            type.startswith(one[:-1]) if one.endswith("*") else type == one for one in self.types
        )


@dataclass(frozen=True, slots=True)
class TriggerPlan:
    """One Trigger's life. A name that ends in `+` is a successor of the one without.

    `changes` are (time, wish), the first of them its creation.
    """

    broker: str
    name: str
    changes: tuple[tuple[float, Wish], ...]
    deleted_s: float | None
    start: Literal["latest", "earliest"]
    sink: tuple[Phase, ...]
    dead_letter_sink: tuple[Phase, ...]

    @property
    def resource(self) -> str:
        """The name it has for the product: a successor has its predecessor's."""
        return self.name.rstrip("+")

    @property
    def created_s(self) -> float:
        return self.changes[0][0]


@dataclass(frozen=True, slots=True)
class Sending:
    """A producer's one call: (type, key) of each event."""

    at_s: float
    broker: str
    events: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class End:
    """The process ends `at_s`, or at its commit or its request of that number, and is back after `down_s`."""

    by: Literal["time", "commit", "request", "stop"]
    at_s: float
    number: int
    down_s: float


@dataclass(frozen=True, slots=True)
class DiskFault:
    """From when until when; `slow` makes commits take up to `delay_s`."""

    kind: Literal["slow", "full", "broken"]
    from_s: float
    until_s: float
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    features: frozenset[str]
    horizon_s: float
    """By then all that goes wrong has gone wrong: sinks and disk are well from here on."""
    brokers: tuple[str, ...]
    triggers: tuple[TriggerPlan, ...]
    sendings: tuple[Sending, ...]
    ends: tuple[End, ...] = ()
    disk_faults: tuple[DiskFault, ...] = ()
    redrives: tuple[tuple[float, float | None], ...] = ()
    """(time, rate)"""
    wall_jumps: tuple[tuple[float, float], ...] = ()
    """(time, seconds)"""
    is_durable: bool = True
    is_retained: bool = False
    window_events_max: int = 1024
    journal_size_max_bytes: int = 1 << 30
    breaker_failures: int = 1000
    breaker_pause_s: float = 1.0
    disk_delay_s: float = 0.001
    checks_s: tuple[float, ...] = field(default=())
    """When counters are asked whether they balance."""

    def __str__(self) -> str:
        return f"seed {self.seed}: {', '.join(sorted(self.features)) or 'nothing special'}; {self.horizon_s:g} s"


def plan_of(seed: int) -> Plan:
    """The plan of a seed."""
    return _Planner(seed).plan()


class _Planner:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.dice = dice = Random(seed)
        chance = dice.choice((0.1, 0.2, 0.35, 0.5))
        self.features = {feature for feature in FEATURES if dice.random() < chance}
        if "memory" in self.features and dice.random() < 0.5:
            self.features.discard("memory")
        if dice.random() < 0.3:
            self.features.add("crash")
        if "recreate" in self.features:
            self.features.discard("redrive")  # a redriven one goes to whoever has the name
        if "memory" in self.features:
            self.features -= {
                "crash", "stop", "encore", "slow disk", "full disk", "broken disk", "wall clock", "small journal",
                "earliest",
            }  # fmt: skip
        self.horizon_s = dice.choice((0.5, 5.0, 60.0, 3600.0))
        self.hot = [dice.uniform(0.0, self.horizon_s) for _ in range(dice.randint(1, 3))]
        """Much happens around these moments."""

    def has(self, feature: str) -> bool:
        return feature in self.features

    def moment(self) -> float:
        dice = self.dice
        if dice.random() < 0.4:
            return dice.uniform(0.0, self.horizon_s)
        return min(dice.choice(self.hot) + dice.random() * dice.choice((0.0005, 0.01, 0.3, 3.0)), self.horizon_s)

    def moments(self, most: int) -> list[float]:
        return sorted(self.moment() for _ in range(self.dice.randint(1, most)))

    def plan(self) -> Plan:
        dice, has = self.dice, self.has
        brokers = ("b0", "b1") if has("two brokers") else ("b0",)
        triggers = [
            replace(self.trigger(f"x{n}"), broker=dice.choice(brokers))
            for n in range(dice.choice((1, 1, 2, 2, 3, 4, 6)))
        ]
        triggers += [self.successor(one) for one in triggers if has("recreate") and one.deleted_s is not None]
        return Plan(
            seed=self.seed,
            features=frozenset(self.features),
            horizon_s=self.horizon_s,
            brokers=brokers,
            triggers=tuple(triggers),
            sendings=tuple(self.sendings(brokers)),
            ends=tuple(self.ends()),
            disk_faults=tuple(self.disk_faults()),
            redrives=tuple((at_s, dice.choice((None, 5.0, 100.0))) for at_s in self.moments(3))
            if has("redrive")
            else (),
            wall_jumps=tuple((at_s, dice.choice((-3600.0, 3600.0, -5.0, 5.0))) for at_s in self.moments(3))
            if has("wall clock")
            else (),
            is_durable=not has("memory"),
            is_retained=has("earliest") and not has("small journal") and dice.random() < 0.8,
            window_events_max=dice.choice((1, 2, 5)) if has("small window") else 1024,
            journal_size_max_bytes=dice.choice((4096, 16384)) if has("small journal") else 1 << 30,
            breaker_failures=dice.choice((1, 3)) if has("breaker") else 1000,
            breaker_pause_s=dice.choice((0.1, 1.0, 30.0)),
            disk_delay_s=dice.choice((0.0001, 0.001, 0.02)),
            checks_s=tuple(self.moments(4)),
        )

    def sendings(self, brokers: tuple[str, ...]) -> list[Sending]:
        dice = self.dice
        keys = tuple(f"k{n}" for n in range(dice.choice((1, 2, 5))))
        made: list[Sending] = []
        left = dice.choice((8, 20, 40, 80))
        while left > 0:
            at_s = self.moment()
            for _ in range(dice.choice((1, 1, 2, 6))):
                size = dice.choice((1, 1, 1, 2, 5, 10))
                events = tuple((dice.choice(TYPES), dice.choice(keys)) for _ in range(size))
                made.append(Sending(at_s, dice.choice(brokers), events))
                left -= size
                at_s = min(at_s + dice.choice((0.0, 0.0, 0.0005, 0.01)), self.horizon_s)
        return sorted(made, key=lambda sending: sending.at_s)

    def trigger(self, name: str) -> TriggerPlan:
        dice, has = self.dice, self.has
        created_s = self.moment() if has("late") and dice.random() < 0.5 else 0.0
        changes = [(created_s, self.wish())]
        turns = [(at_s, kind) for kind in ("pause", "change") if has(kind) for at_s in self.moments(3)]
        for at_s, kind in sorted(turns):
            wish = changes[-1][1]
            if kind == "pause":
                wish = replace(wish, is_paused=not wish.is_paused)
            else:
                wish = replace(self.wish(), is_ordered=wish.is_ordered, is_paused=wish.is_paused)
            changes.append((max(at_s, created_s), wish))
        is_deleted = (has("delete") or has("recreate")) and dice.random() < 0.4
        deleted_s = max(created_s, self.moment()) if is_deleted else None
        return TriggerPlan(
            broker="",
            name=name,
            changes=tuple(changes),
            deleted_s=deleted_s,
            start="earliest" if has("earliest") and created_s > 0 and dice.random() < 0.8 else "latest",
            sink=self.phases(),
            dead_letter_sink=self.phases(),
        )

    def successor(self, gone: TriggerPlan) -> TriggerPlan:
        """Another one of that name, at once or later."""
        assert gone.deleted_s is not None
        created_s = max(gone.deleted_s, self.dice.choice((gone.deleted_s, gone.deleted_s + 0.001, self.moment())))
        made = self.trigger(f"{gone.name}+")
        changes = ((created_s, self.wish()), *(change for change in made.changes[1:] if change[0] > created_s))
        start = gone.start if created_s > 0 else "latest"
        return replace(made, broker=gone.broker, changes=changes, deleted_s=None, start=start)

    def wish(self) -> Wish:
        dice, has = self.dice, self.has
        types = dice.choice(((), ("t0",), ("t1",), ("t0", "t1"), ("t*",), ("t*", REPLY_TYPE)))
        return Wish(
            types=types,
            retry=dice.choice((0, 1, 2, 3, 6)),
            backoff_policy=dice.choice(("linear", "exponential")),
            backoff_delay_s=dice.choice((1.5, 10.0, 300.0) if has("far retries") else (0.0, 0.01, 0.2, 0.7)),
            timeout_s=dice.choice((0.5, 5.0)),
            has_dead_letter_sink=has("dead letter sinks") and dice.random() < 0.6,
            is_ordered=has("order") and dice.random() < 0.7,
            concurrency=dice.choice((1, 2, 5)) if has("concurrency") and dice.random() < 0.7 else None,
            rate=dice.choice((1.0, 10.0, 200.0)) if has("rate") and dice.random() < 0.6 else None,
        )

    def phases(self) -> tuple[Phase, ...]:
        dice, has = self.dice, self.has
        good: tuple[Answer, ...] = ("ok", "ok", "plain")
        if has("reply"):
            good = (*good, "reply", "ignored")
        made: list[Phase] = []
        for until_s in [*self.moments(3), self.horizon_s]:
            answers = good
            if has("deaths") and dice.random() < 0.4:
                answers = (dice.choice(("500", "gone", "timeout", "429")),)
            elif has("refusals"):
                answers = good * dice.choice((1, 3)) + tuple(dice.choices(FAILURES, k=3))
            slowest_s = dice.choice((0.05, 0.5, 3.0)) if has("slow sinks") else 0.005
            made.append(Phase(until_s, answers, (0.0005, slowest_s)))
        return (*made, Phase(float("inf"), good, (0.0005, 0.005)))

    def ends(self) -> list[End]:
        dice = self.dice
        made: list[End] = []
        if self.has("crash"):
            for at_s in self.moments(3):
                by: Literal["time", "commit", "request"] = dice.choice(("time", "commit", "request"))
                made.append(End(by, at_s, dice.randint(1, 30), dice.choice((0.01, 1.0, 600.0))))
        if self.has("stop"):
            made += [End("stop", at_s, 0, dice.choice((0.01, 1.0, 600.0))) for at_s in self.moments(2)]
        return sorted(made, key=lambda end: end.at_s)

    def disk_faults(self) -> list[DiskFault]:
        dice = self.dice
        made: list[DiskFault] = []
        kinds: tuple[Literal["slow", "full", "broken"], ...] = ("slow", "full", "broken")
        for kind in kinds:
            if self.has(f"{kind} disk"):
                for from_s in self.moments(2):
                    length_s = dice.choice((0.01, 0.2, 5.0, 600.0))
                    made.append(
                        DiskFault(kind, from_s, min(from_s + length_s, self.horizon_s), dice.choice((0.05, 0.5, 3.0)))
                    )
        return made
