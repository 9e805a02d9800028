"""The server's counters, as `GET /ops/v1/triggers` tells them, held against each other and the ledger. Pure."""

from collections.abc import Mapping
from typing import Any

Lane = Mapping[str, Any]


def lanes(triggers: Mapping[str, Any]) -> dict[str, Lane]:
    """The lane of each Trigger by its name, from the answer's JSON; those that are not served have none."""
    return {one["name"]: one["lane"] for one in triggers["items"] if one["lane"] is not None}


def waiting(lane: Lane) -> int:
    """Events of the lane that have neither been delivered nor given up."""
    return int(lane["waiting"] + lane["inFlight"])


def imbalances(found: Mapping[str, Lane]) -> list[str]:
    """Where matched + redriven = waiting + in flight + delivered + dead-lettered + dropped does not hold, in words."""
    return [
        f"{name}: {lane['matched']} matched and {lane.get('redriven', 0)} redriven, "
        f"but {_outcome(lane)} accounted for: {dict(lane)}"
        for name, lane in found.items()
        if lane["matched"] + lane.get("redriven", 0) != _outcome(lane)
    ]


def disagreements(found: Mapping[str, Lane], delivered: Mapping[str, int], repeats: Mapping[str, int]) -> list[str]:
    """Triggers whose count of deliveries, over all processes, is not what their sink saw, in words.

    `delivered` counts events, `repeats` requests for events that had been delivered: as each of these may have been
    counted again, or have failed and be counted otherwise, the two may differ by so many.
    """
    return [
        f"{name}: {found[name]['delivered']} delivered by its counter, {count} by its sink, "
        f"which {repeats.get(name, 0)} repeats do not explain"
        for name, count in delivered.items()
        if abs(found[name]["delivered"] - count) > repeats.get(name, 0)
    ]


def _outcome(lane: Lane) -> int:
    return waiting(lane) + int(lane["delivered"] + lane["deadLettered"] + lane.get("dropped", 0))
