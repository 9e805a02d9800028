"""What the server has to do while it is mistreated: its Triggers, who gets what, and how the sinks behave."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.e2e.manifests import broker, to_yaml, trigger
from tests.ledger.ledger import Route
from tests.ledger.record import DEAD_LETTER
from tests.ledger.sink import RecordingSink, Script

BROKER: Final = "b"
TRIGGERS: Final = ("exact", "ordered", "refusing", "buried", "stored", "paused")
ORDERED: Final = ("ordered",)
ROUTES: Final[Mapping[str, Route]] = {
    "order": Route(frozenset({"exact", "ordered", "paused"}), frozenset({"guest"})),
    "payment": Route(frozenset({"ordered", "refusing"})),
    "refund": Route(frozenset({"buried", "stored"})),
}
"""By the event's type."""
MATCHES_MAX: Final = 4
"""Triggers that want one event, the guest among them."""
_PATIENT: Final[Mapping[str, Any]] = {"retry": 1000, "backoffPolicy": "linear", "backoffDelay": "PT0.05S"}
_FAR: Final[Mapping[str, Any]] = {"retry": 20, "backoffPolicy": "linear", "backoffDelay": "PT1.2S"}
"""Due later than memory keeps a retry."""
_ONCE: Final[Mapping[str, Any]] = {"retry": 1, "backoffDelay": "PT0.01S"}


def manifest(sink_url: str, *, is_paused: bool = False) -> str:
    """The Broker and the Triggers that are there throughout."""
    dead_letter_sink = {"uri": f"{sink_url}/buried{DEAD_LETTER}"}
    ordered = {"eventing.knative.dev/delivery.order": "ordered"}
    paused = {"eventing.dev/paused": "true" if is_paused else "false"}

    def of(name: str, *types: str, **more: Any) -> dict[str, Any]:
        filters = [{"any": [{"exact": {"type": one}} for one in types]}]
        return trigger(name, f"{sink_url}/{name}", of=BROKER, filters=filters, **more)

    return to_yaml(
        broker(BROKER),
        of("exact", "order", **_PATIENT),
        of("ordered", "order", "payment", annotations=ordered, **_PATIENT),
        of("refusing", "payment", **_FAR),
        of("buried", "refund", deadLetterSink=dead_letter_sink, **_ONCE),
        of("stored", "refund", **_ONCE),
        of("paused", "order", annotations=paused, **_PATIENT),
    )


def crowd(sink_url: str, count: int, generation: int) -> str:
    """So many Triggers that come and go, and change each time; one of them wants events that are sent."""
    return to_yaml(
        *(
            trigger(
                f"crowd-{number}",
                f"{sink_url}/guest",
                of=BROKER,
                filters=[{"exact": {"type": "order" if number == 0 else f"none-{generation}-{number}"}}],
            )
            for number in range(count)
        )
    )


def write(folder: Path, name: str, text: str) -> None:
    """Replace a manifest at once, so that nobody reads half of it."""
    draft = folder / f".{name}.draft"
    draft.write_text(text)
    draft.rename(folder / f"{name}.yaml")


def set_everyday(sink: RecordingSink) -> None:
    """How the sinks behave where no fault says otherwise: mostly well, which is what retries are for."""
    sink.scripts = {
        "ordered": Script(status=503, share=0.02),
        "buried": Script(status=400, share=0.3),
        "stored": Script(status=400, share=0.05),
    }


def set_well(sink: RecordingSink) -> None:
    """Every sink accepts everything."""
    sink.scripts = {}


def set_weather(sink: RecordingSink, rng: random.Random) -> None:
    """The everyday, with the refusing sink away half of the time."""
    set_everyday(sink)
    if rng.random() < 0.5:
        sink.scripts["refusing"] = Script(status=503)
