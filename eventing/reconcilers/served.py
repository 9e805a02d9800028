"""What the reconciler keeps of a resource at work: the view it goes by, what was found about it, what it is to do."""

from dataclasses import dataclass
from typing import Protocol, Self

from dispatcher.broker import Broker
from dispatcher.lane import Lane
from dispatcher.sink import BrokerSink
from dispatcher.trigger import TriggerSpec
from eventing.engine import Place
from eventing.errors import ResolutionError
from eventing.resources.delivery import DeliverySpec
from eventing.resources.engine import Engine
from eventing.resources.identity import Key
from eventing.resources.subscription import Subscription
from eventing.resources.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a resource works, and why not, in Knative's words."""

    ready: bool = True
    reason: str = ""
    message: str = ""

    @classmethod
    def of(cls, error: ResolutionError) -> Self:
        """Not ready, for that reason."""
        return cls(ready=False, reason=error.reason, message=error.message)


@dataclass(frozen=True, slots=True)
class ServedTrigger:
    """What was found about one Trigger, or Subscription.

    `broker` is the key of its Broker, or of the channel that holds its events, whether that exists or not.
    """

    view: Trigger | Subscription
    broker: Key
    readiness: Readiness
    subscriber_uri: str = ""
    dead_letter_sink_uri: str = ""


class View(Protocol):
    """What of a Broker, or of a Channel of any kind, counts while it is at work."""

    @property
    def uid(self) -> str:
        """Another one is another Broker of its name."""

    @property
    def delivery(self) -> DeliverySpec:
        """What counts where a Trigger's says nothing."""


class ServedBroker:
    """A Broker at work, and what its Triggers are to do; or a Channel, and its Subscriptions."""

    def __init__(self, view: View, broker: Broker, *, address: str) -> None:
        self.view = view
        self.broker = broker
        self.readiness = Readiness()
        self.engine: Engine | None = None
        """What its channel is of, once that was decided."""
        self.ground: Place | None = None
        """Its channel, and what belongs to that, once it is open."""
        self.sink = BrokerSink(address, broker)
        """How Triggers and Subscriptions of this process send to it; its URI is the address for everybody else."""
        self._specs: dict[str, TriggerSpec] = {}
        self._removed: set[str] = set()
        self._is_stale = True

    def place(self, name: str, spec: TriggerSpec) -> None:
        """That Trigger is to do this, from `apply` on."""
        if self._specs.get(name) != spec:
            self._specs[name] = spec
            self._is_stale = True

    def remove(self, name: str) -> None:
        """That Trigger is gone, from `apply` on. Another one of its name inherits nothing."""
        if self._specs.pop(name, None) is not None:
            self._removed.add(name)
            self._is_stale = True

    def apply(self) -> None:
        """Let the Broker judge by what was placed: by all of it at once, and only where something is new."""
        if not self._is_stale:
            return
        if self._removed & self._specs.keys():
            kept = {name: spec for name, spec in self._specs.items() if name not in self._removed}
            self.broker.replace_triggers(kept)
        self.broker.replace_triggers(self._specs)
        self._removed.clear()
        self._is_stale = False

    def hold(self) -> None:
        """Begin nothing more where the channel keeps what waits."""
        if self.broker.channel is not None and self.broker.channel.features.persistent:
            self.broker.hold()

    @property
    def is_moving(self) -> bool:
        """True while it holds events that need no more than time: not those that wait for a failing sink, nor those
        that a durable channel keeps.
        """
        broker = self.broker
        if broker.channel is None:
            return False
        triggers = broker.triggers.values()
        if broker.channel.features.persistent:
            return any(trigger.in_flight for trigger in triggers)
        statistics = broker.channel.statistics()
        if statistics.events and broker.judged < statistics.stored:
            return True
        return any(_is_moving(trigger.lane) or _is_moving(trigger.dead_letter_lane) for trigger in triggers)


def _is_moving(lane: Lane | None) -> bool:
    return lane is not None and (lane.in_flight > 0 or (lane.breaker.is_closed and lane.waiting > lane.retrying))
