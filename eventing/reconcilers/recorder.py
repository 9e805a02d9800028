"""What happened to objects, written down as Kubernetes Events: for `kubectl describe`, and gone after an hour.

Told by whoever reconciles, written by a loop of its own: nobody waits for it, and what it cannot write is lost.
Source: Kubernetes' core/v1 Event, its aggregation by count, and the API server's `--event-ttl`.
"""

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from eventing.errors import AlreadyExists, Conflict, Forbidden, LeaseLost, NotFound, StoreUnavailable
from eventing.pen import Pen
from eventing.reconcilers.turn import Clock, Occurrence
from eventing.resources.core_event import EVENT
from eventing.resources.identity import Key, Object, key_of
from eventing.store.contract import Store

TTL: Final = timedelta(hours=1)
EVENTS_MAX: Final = 1_000
"""Events that are kept of each namespace; the oldest make room."""
QUEUE_MAX: Final = 1_000
"""Occurrences that wait to be written; the oldest make room."""
SWEEP_INTERVAL_S: Final = 60.0
_MESSAGE_MAX: Final = 1024

_log = logging.getLogger(__name__)


class Recorder:
    """`tell` takes, `run` writes, `sweep` forgets. Without the pen there is nobody to write for."""

    def __init__(self, pen: Pen, clock: Clock) -> None:
        self._pen = pen
        self._clock = clock
        self._queue: deque[Occurrence] = deque(maxlen=QUEUE_MAX)
        self._has_some = asyncio.Event()

    def tell(self, occurrence: Occurrence) -> None:
        """Have it written soon."""
        self._queue.append(occurrence)
        self._has_some.set()

    async def run(self) -> None:
        """Write what is told. Until cancelled."""
        while True:
            await self._has_some.wait()
            while self._queue:
                await self._write(self._queue.popleft())
            self._has_some.clear()

    async def sweep(self) -> None:
        """Delete what is old, and the oldest where there are too many."""
        store = self._pen.store
        if store is None:
            return
        try:
            events = (await store.list(EVENT.group_kind)).items
            for key in surplus(events, self._clock()):
                await _delete(store, key)
        except (LeaseLost, StoreUnavailable) as error:
            _log.debug("not swept: %s", error)

    async def _write(self, occurrence: Occurrence) -> None:
        store = self._pen.store
        if store is None:
            return
        try:
            await self._count(store, occurrence)
        except (AlreadyExists, Conflict, Forbidden, LeaseLost, StoreUnavailable) as error:
            _log.debug("not recorded: %s", error)

    async def _count(self, store: Store, occurrence: Occurrence) -> None:
        """Once more, or for the first time."""
        event = _event(occurrence, self._clock())
        key = EVENT.key(event["metadata"]["namespace"], event["metadata"]["name"])
        try:
            old = await store.get(key)
            counted = {"count": old.get("count", 1) + 1, "lastTimestamp": event["lastTimestamp"]}
            await store.update({**old, **counted})
        except NotFound:
            await store.create(event)


async def _delete(store: Store, key: Key) -> None:
    try:
        await store.delete(key)
    except NotFound:
        return


def surplus(events: Iterable[Object], now: str) -> list[Key]:
    """Those to be forgotten: older than an hour, or the oldest of too many in one namespace."""
    oldest = (datetime.fromisoformat(now) - TTL).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept: dict[str, list[Object]] = {}
    for event in sorted(events, key=_last_seen):
        kept.setdefault(event["metadata"]["namespace"], []).append(event)
    return [
        key_of(event)
        for group in kept.values()
        for number, event in enumerate(group)
        if len(group) - number > EVENTS_MAX or _last_seen(event) < oldest
    ]


def _last_seen(event: Object) -> str:
    return str(event.get("lastTimestamp") or event["metadata"]["creationTimestamp"])


def _event(occurrence: Occurrence, now: str) -> Object:
    """The same thing that happens to the same object again has the same name."""
    item, metadata = occurrence.item, occurrence.item["metadata"]
    words = "\n".join((metadata["uid"], occurrence.type, occurrence.reason, occurrence.message))
    digest = hashlib.sha256(words.encode()).hexdigest()[:16]
    component = f"{item['kind'].lower()}-controller"
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"name": f"{metadata['name'][:200].rstrip('.-')}.{digest}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": item["apiVersion"],
            "kind": item["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": occurrence.type,
        "reason": occurrence.reason,
        "message": occurrence.message[:_MESSAGE_MAX],
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
    }
