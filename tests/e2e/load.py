"""Events as producers send them to processes with roles."""

import itertools
import threading
import time
from typing import Final, Protocol, Self

import httpx2

from tests.e2e.process import PATIENCE_S

CONCURRENCY: Final = 16
"""Attempts that one dispatcher has in flight for a Trigger: `EVENTING_LANE_CONCURRENCY_MAX`."""
DELAY_S: Final = 0.05
"""What a sink takes for each."""
COMMIT_S: Final = 0.1
"""What was settled so long before one stood still comes again, and what was while the server wrote that down."""
_HEADERS: Final = {"ce-specversion": "1.0", "ce-source": "/load", "ce-type": "order"}


class Ingress(Protocol):
    """A process that takes events."""

    @property
    def events_url(self) -> str:
        """Before the path of a Broker."""
        ...


def post(ingress: Ingress, event_id: str, of: str = "b") -> int:
    """POST one event to a Broker of the namespace `default`; the status."""
    url = f"{ingress.events_url}/default/{of}"
    return httpx2.post(url, headers={**_HEADERS, "ce-id": event_id}, content=b"{}", timeout=PATIENCE_S).status_code


class Load:
    """Events to these ingresses in turn, from threads, until they are told to stop: which ids were answered 202."""

    def __init__(self, *ingresses: Ingress, senders: int = 1) -> None:
        self.accepted: list[str] = []
        self.refused: list[int] = []
        """All other statuses."""
        self.slowest_s = 0.0
        """What the slowest 202 took: so long everything may have stood still."""
        self._began_s = time.monotonic()
        self._urls = [f"{one.events_url}/default/b" for one in ingresses]
        self._stop = threading.Event()
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._send) for _ in range(senders)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def per_s(self) -> float:
        """What was accepted so far, in the middle."""
        return len(self.accepted) / (time.monotonic() - self._began_s)

    def _send(self) -> None:
        with httpx2.Client(timeout=PATIENCE_S) as client:
            for number in self._numbers:
                if self._stop.is_set():
                    return
                url = self._urls[number % len(self._urls)]
                began_s = time.monotonic()
                try:
                    answer = client.post(url, headers={**_HEADERS, "ce-id": f"{number}"}, content=b"{}")
                except httpx2.HTTPError:
                    continue
                if answer.status_code != 202:
                    self.refused.append(answer.status_code)
                    continue
                self.accepted.append(f"{number}")
                self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)


def in_doubt(load: Load, held: float = CONCURRENCY, per_s: float = CONCURRENCY / DELAY_S) -> int:
    """How many may come twice where one dispatcher ends: what it held of deliveries that had no end, and what it
    settled with no commit. At most it delivers as many a second as its concurrency allows.
    """
    return round(held + (COMMIT_S + load.slowest_s) * per_s)
