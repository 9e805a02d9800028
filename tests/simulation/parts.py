"""What a run is made of. The product's own parts, unless a test plants a bug between two of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from channels.contract import Channel
from tests.simulation.disk import Device


def _as_it_is(channel: Channel) -> Channel:
    return channel


@dataclass(frozen=True, slots=True)
class Parts:
    """`channel` makes of each Broker's channel the one that the Broker is given; `device` is what outlives a crash."""

    channel: Callable[[Channel], Channel] = _as_it_is
    device: type[Device] = Device


PRODUCT: Final = Parts()
