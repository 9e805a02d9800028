"""The arithmetic of the report, and its table. Pure."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Figures = Mapping[str, float]
"""What one repetition of a scenario showed, by name: `us`, `n`, `classic`, and what else the scenario promises."""

_FORMATS: Final = {
    "us": ("", "{:.1f} us"),
    "n": ("", "{:.2f} N"),
    "classic": ("", "{:.3f} of classic"),
    "of_nginx": ("", "{:.1%} of nginx"),
    "of_nats": ("", "{:.2f} x NATS"),
    "of_redis": ("", "{:.2f} x Redis"),
    "of_one": ("", "{:.2f} x one Trigger"),
    "speedup": ("", "{:.2f} x one"),
    "one_us": ("one ", "{:.1f} us"),
    "server_us": ("server ", "{:.1f} us"),
    "duplicates": ("", "{:,.0f} duplicates"),
    "of_load": ("", "{:.2%} of the load"),
    "per_s": ("", "{:,.0f}/s"),
    "nginx_per_s": ("nginx ", "{:,.0f}/s"),
    "nats_per_s": ("NATS ", "{:,.0f}/s"),
    "redis_per_s": ("Redis ", "{:,.0f}/s"),
    "share": ("", "{:.1%}"),
    "p50_ms": ("p50 ", "{:.2f} ms"),
    "p99_ms": ("p99 ", "{:.2f} ms"),
    "worst_ms": ("worst ", "{:.0f} ms"),
    "floor_p50_ms": ("floor p50 ", "{:.2f} ms"),
    "floor_p99_ms": ("floor p99 ", "{:.2f} ms"),
    "start_s": ("start ", "{:.2f} s"),
    "ready_s": ("ready ", "{:.2f} s"),
    "get_s": ("kubectl get ", "{:.2f} s"),
    "live_ms": ("live ", "{:.0f} ms"),
    "empty_s": ("empty ", "{:.2f} s"),
    "rss_mb": ("RSS ", "{:.0f} MB"),
    "rss_growth_mb": ("RSS ", "{:+.0f} MB"),
}
"""How each figure is said: its name where the unit does not tell, and its value. A ratio to classic is the
scenario's cost divided by that of classic."""
BEGIN: Final = "<!-- figures: begin -->"
END: Final = "<!-- figures: end -->"
NEW_PAGE: Final = f"""# Benchmarks

`make bench` measures this table again; `python -m tests.benchmarks --help` tells how to run a part of it.

Every row starts real processes: what is measured on one core; the load generator (wrk, 64 connections, 1 KB of JSON in
each event) and a counting nginx sink on another. CPU is user and system time of all processes of the measured system
until the last delivery, divided by the sink's count. **N** is what one nginx worker needs to pass the same request on
to the same sink, measured before, between and after the parts of each window that is told in it; **classic** is a
FastAPI route with the `cloudevents` SDK and an aiohttp client, which stores nothing. Ratios are taken within each
repetition, then their median. Rows of a rate that is left compare two servers in turns, or ours with nginx: what slows
the machine down for some seconds slows down both. Everything is on: retries, limits, metrics.

The upper rows, from *in memory* on, have a Broker with an in-memory channel. The rows from *journal* on have the
channel that the server takes by itself: an event is written and synced to disk before its producer gets a 202.

- *Durable publish alone* has 256 events under way and no sink: a Trigger is there and matches nothing. Beside it, one
  after the other on the same core and the same disk: NATS JetStream with `sync_interval: always`, its events on one
  connection; Redis with `appendfsync always`, XADD by 256 clients of redis-benchmark. They get the event as
  structured JSON, which is the cheapest form for them. All three put it on disk before they answer, each in its own
  way; that they wrote what they acknowledged is checked.
- *Start* finds its modules compiled, as pip leaves them behind: from a checkout under `PYTHONDONTWRITEBYTECODE` every
  start would compile them again.
- *Restart* begins with a paused Trigger for which 1,000,000 events of 1 KB wait, a kill -9, and a start over a copy of
  what that left; *ready* is the first 202, *empty* the same without any events, RSS the difference of the two peaks.
- *Triggers stored* starts over what an earlier process left (*start* is the first 202), then runs `kubectl get triggers
  -A`, changes one Trigger's filter (*live* is the first event that arrives for it), and compares the events' rate with
  and without somebody who lists all Triggers once and changes one every second.
- *Created and used* POSTs a Trigger and its Broker to the API, and one event the moment the Broker's status says Ready.
  The time runs from the first POST until that event has arrived; *worst* is the slowest of the 50.
- *Ordered* takes one of 1,000 keys at random for each event, and compares with the same events in no order.

The rows of *Redis* and *Kafka* have a real server of their own on the core of everything else: Redis with
`appendfsync always`; one Kafka node, a topic of ten partitions, `acks=all`. CPU per event is that of our processes;
*server* is the CPU of Redis or Kafka for the same event, which is in no other figure. It is the server, not us, that
often bounds the rate there, for it shares its core with the load and the sink.

Where events come in over HTTP, Kafka's JVM gets eight seconds of the same load before anything counts: a fresh one
compiles what it runs, and is slower for it.

- *No ingress*: an ordinary Kafka producer writes binary CloudEvents into the Broker's topic; our process delivers.
- *A hanging sink* answers after ten seconds; the figure is what the good one still gets of its rate alone.
- *kill -9* ends the process at 3,000 events a second and starts it again. The ledger of the tests follows each event:
  what was acknowledged and never came makes the row a miss; *duplicates* are events that came a second time.
- *Two dispatchers* share one Broker's topic. Where two idle cores exist the figure is their rate beside that of one;
  on a machine without, what their CPU per event would give on two cores, and the remark below the table says so.

How long an fsync takes stands below the table. On a slower disk everybody's latency grows with it, and the rate of
whoever does not gather what comes meanwhile falls.

{BEGIN}
{END}
"""
"""What `--write` starts from where there is no page."""
_HEAD: Final = ("scenario", "CPU us per event", "in N", "of classic", "others", "must", "verdict", "spread")


@dataclass(frozen=True, slots=True)
class Must:
    """A promise about one figure: at most the bound, or at least."""

    figure: str
    bound: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        """Whether the value keeps the promise."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        label, form = _FORMATS[self.figure]
        return f"{label}{'≥' if self.at_least else '≤'} {form.format(self.bound)}"


@dataclass(slots=True)
class Row:
    """One scenario's repetitions. `failure` says why it could not run; `remarks` what else went wrong.

    `missing` events were accepted and never delivered: losing work is cheap, so no promise is met then.
    """

    name: str
    title: str
    musts: tuple[Must, ...] = ()
    repetitions: list[Figures] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    missing: int = 0
    failure: str = ""

    @property
    def medians(self) -> dict[str, float]:
        """The median of each figure over the repetitions."""
        return {name: statistics.median(values) for name, values in self._values().items()}

    @property
    def spreads(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest of each figure."""
        return {name: (min(values), max(values)) for name, values in self._values().items()}

    @property
    def verdict(self) -> str:
        """`met`, `missed` or `could not run`; a row without promises has none."""
        medians = self.medians
        if self.failure or any(must.figure not in medians for must in self.musts):
            return "could not run"
        if not self.musts:
            return ""
        is_met = not self.missing and all(must.is_met(medians[must.figure]) for must in self.musts)
        return "met" if is_met else "missed"

    def _values(self) -> dict[str, list[float]]:
        names = dict.fromkeys(name for figures in self.repetitions for name in figures)
        return {name: [figures[name] for figures in self.repetitions if name in figures] for name in names}


def said(figure: str, value: float) -> str:
    """A figure as people read it, with its unit."""
    label, form = _FORMATS[figure]
    return label + form.format(value)


def per_further(one: float, many: float, further: int) -> float:
    """What each further match costs: the slope between the cost with one match and that with `further` more."""
    return (many - one) / further


def table(rows: Iterable[Row]) -> str:
    """All rows as a Markdown table, its columns aligned so that a terminal shows it well too."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    cells.insert(1, tuple("-" * width for width in widths))
    lines = (" | ".join(map(str.ljust, line, widths)) for line in cells)
    return "\n".join(f"| {line} |" for line in lines)


def notes(rows: Iterable[Row]) -> list[str]:
    """One line for everything that a row has to say beyond its figures."""
    return [f"{row.name}: {text}" for row in rows for text in (row.failure, *row.remarks) if text]


def spliced(page: str, text: str) -> str:
    """The page with the text between its two markers. Raises ValueError where it has not both of them in order."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text.strip()}\n{END}{after}"


def _cells(row: Row) -> Sequence[str]:
    medians = row.medians
    others = [said(name, value) for name, value in medians.items() if name not in ("us", "n", "classic")]
    bounded = [must.figure for must in row.musts] or ["us"]
    spread = [" to ".join(said(name, end) for end in row.spreads[name]) for name in bounded if name in row.spreads]
    return (
        row.title,
        *(said(name, medians[name]).split()[0] if name in medians else "" for name in ("us", "n", "classic")),
        ", ".join(others),
        ", ".join(map(str, row.musts)),
        row.verdict,
        ", ".join(spread),
    )
