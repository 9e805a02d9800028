"""Makes EventTypes of the types of events that pass: off the way of the events, and once for each.

Source: Knative's `eventtype-auto-create`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakValueDictionary, ref

import orjson

from dispatcher.sighting import Sighting, Sightings
from eventing.errors import AlreadyExists, Forbidden, InvalidResource, LeaseLost, StoreUnavailable
from eventing.pen import Pen
from eventing.resources.admission import admit
from eventing.resources.broker import BROKER
from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.event_type_sighting import Owner, event_type_of
from eventing.resources.identity import Key, Lookup, Object, key_of
from eventing.resources.kind import Context, Served
from eventing.resources.subscribable import CONTROLLER
from eventing.resources.subscription import SUBSCRIPTION
from eventing.resources.trigger import TRIGGER

HEARD_MAX: Final = 1000
"""EventTypes that wait to be made for other processes; the oldest make room, and come again after a restart."""
PAUSE_S: Final = 0.2
"""How long sightings gather: a burst of types is read at once, and an EventType is no matter of milliseconds."""
_PASSED_OVER: Final = (
    *(AlreadyExists, Forbidden, InvalidResource),
    *(LeaseLost, StoreUnavailable),
    orjson.JSONDecodeError,
)

_log = logging.getLogger(__name__)


class EventTypeMaker:
    """`sightings_of` gives each Broker or Channel what notices types; `run` makes EventTypes of what they noticed, and
    `forget` has one that was deleted come again with the next event of its type. Without the pen it calls `tell`, which
    has the process with the pen `hear` of it.
    """

    def __init__(self, pen: Pen, tell: Callable[[str], Awaitable[object]] | None = None) -> None:
        self._pen = pen
        self._tell = tell or _forget
        self._sightings: WeakValueDictionary[Key, Sightings] = WeakValueDictionary()
        self._made: dict[Key, tuple[ref[Sightings], Sighting]] = {}
        """Which EventTypes there are because of what; they go with their owners, and are forgotten then."""
        self._awake = asyncio.Event()
        self._heard: deque[str] = deque(maxlen=HEARD_MAX)
        self._has_heard = asyncio.Event()
        version = EVENT_TYPE.find_version("v1beta3")
        assert version is not None
        self._served = Served(EVENT_TYPE, version)

    def sightings_of(self, key: Key) -> Sightings:
        """What is to notice the types of events of that Broker or Channel."""
        found = self._sightings[key] = Sightings(self._awake.set)
        return found

    def forget(self, key: Key) -> None:
        """That EventType is gone."""
        sightings, sighting = self._made.pop(key, (None, None))
        noticing = None if sightings is None else sightings()
        if noticing is not None and sighting is not None:
            noticing.forget(sighting)

    async def run(self, lookup: Lookup) -> None:
        """Make EventTypes, owned by what `lookup` finds. Until cancelled.

        While the store is away nothing is made: what was sighted then is sighted again.
        """
        while True:
            await self._awake.wait()
            await asyncio.sleep(PAUSE_S)
            self._awake.clear()
            for key, sightings in [*self._sightings.items()]:
                try:
                    for sighting in sightings.drain():
                        made = await self._make(sighting, _owner(key, sighting, lookup))
                        if made is not None:
                            self._made[made] = ref(sightings), sighting
                except (LeaseLost, StoreUnavailable) as error:
                    sightings.reset()
                    _log.debug("no EventType was made: %s", error)
                except BaseException:
                    sightings.reset()
                    raise

    def hear(self, text: str) -> None:
        """Another process told of an EventType; it is made soon."""
        self._heard.append(text)
        self._has_heard.set()

    async def run_heard(self) -> None:
        """Make what was heard of, where this process has the pen. Until cancelled."""
        while True:
            await self._has_heard.wait()
            self._has_heard.clear()
            while self._heard:
                if self._pen.store is not None:
                    await self._make_heard(self._heard.popleft())
                else:
                    self._heard.clear()

    async def _make_heard(self, text: str) -> None:
        """It was admitted where it comes from; what cannot be read is passed over."""
        try:
            await self._keep(orjson.loads(text))
        except _PASSED_OVER as error:
            _log.debug("no EventType was made: %s", error)

    async def _make(self, sighting: Sighting, owner: Object | None) -> Key | None:
        """The EventType that there is, None where there can be none."""
        if owner is None:
            return None  # it is gone, and its EventType would go, too
        metadata = owner["metadata"]
        place = Owner(owner["apiVersion"], owner["kind"], metadata["namespace"], metadata["name"], metadata["uid"])
        try:
            item = admit(self._served, event_type_of(sighting, place), context=Context(CONTROLLER)).item
        except InvalidResource:
            return None
        try:
            await self._keep(item)
        except AlreadyExists:
            return key_of(item)
        except Forbidden:
            return None
        return key_of(item)

    async def _keep(self, item: Object) -> None:
        """Write it, or have it written by who has the pen."""
        if self._pen.store is not None:
            await self._pen.store.create(item)
        else:
            await self._tell(orjson.dumps(item).decode())


async def _forget(_: str) -> None:
    """There is nobody to tell."""


def _owner(key: Key, sighting: Sighting, lookup: Lookup) -> Object | None:
    """The Trigger or Subscription that brought a reply, else the Broker or Channel."""
    if not sighting.replier:
        return lookup(key)
    kind = TRIGGER if key.group_kind == BROKER.group_kind else SUBSCRIPTION
    return lookup(kind.key(key.namespace, sighting.replier))
