"""A transport in memory: what a protocol wrote, and whether it reads; for tests that must choose every packet."""

import asyncio
import re
from dataclasses import replace
from typing import Any

from eventing.ingress.intake import Intake
from eventing.ingress.protocol import IngressProtocol
from tests.eventing.ingress.door import LIMITS, PATH, Place


class Wire(asyncio.Transport):
    """Remembers all that is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_reading = True
        self.is_ended = False
        self.is_half = True
        self.is_closed = False
        self.is_aborted = False
        self.unsent_bytes = 0

    def write(self, data: Any) -> None:
        assert not self.is_ended, "written after the end"
        self.written += data

    def can_write_eof(self) -> bool:
        return self.is_half

    def write_eof(self) -> None:
        self.is_ended = True

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def abort(self) -> None:
        self.is_aborted = True

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", self.written)]

    @property
    def undated(self) -> bytes:
        """All that was written, without its dates."""
        return re.sub(rb"Date: [^\r]*\r\n", b"", self.written)


class Peers:
    """As much of uvicorn's state as a connection asks for."""

    def __init__(self) -> None:
        self.connections: set[Any] = set()


def connected(channel: Any = None, **limits: Any) -> tuple[IngressProtocol, Wire, Place]:
    """A connection to an ingress with one Broker at PATH."""
    intake = Intake(replace(LIMITS, **limits))
    place = Place() if channel is None else Place(channel)
    intake.routes = {PATH.encode(): place}
    connection = IngressProtocol.bound_to(intake)(None, Peers(), {})
    wire = Wire()
    connection.connection_made(wire)
    return connection, wire, place
