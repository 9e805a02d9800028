"""What a Trigger remembers from one process to the next, as bytes. Pure."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from dispatcher.lane_state import LaneState

_PREFIX: Final = "trigger/"


@dataclass(frozen=True, slots=True)
class TriggerState:
    """What of a Trigger no queue tells. That there is one says that the Trigger has started before."""

    lane: LaneState = field(default_factory=LaneState)
    dead_letter_lane: LaneState = field(default_factory=LaneState)
    stored: int = 0
    """Events kept in the dead letter store."""
    redriven: int = 0
    """Dead letters that the subscriber took in the end."""


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(TriggerState)


def encode(state: TriggerState) -> bytes:
    """The same state, the same bytes."""
    return _ENCODER.encode(state)


def decode(note: bytes) -> TriggerState:
    """What `encode` made. What it cannot read counts as nothing: counters are not worth refusing events for."""
    try:
        return _DECODER.decode(note)
    except msgspec.DecodeError:
        return TriggerState()


def note_name(trigger: str) -> str:
    """By which name its channel remembers a Trigger."""
    return _PREFIX + trigger


def noted_trigger(name: str) -> str | None:
    """Whose note has that name; None where it is none."""
    return name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else None
