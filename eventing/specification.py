"""From a Trigger or a Subscription, as somebody wrote it, to what its lane is to do: sinks, policy, or the words for
why not.
"""

from dataclasses import dataclass, replace
from typing import Final, Protocol
from weakref import WeakValueDictionary

from dispatcher.filters import parse_filters
from dispatcher.retry import Policy
from dispatcher.sink import HttpSink, Pools, Sink
from dispatcher.trigger import TriggerSpec
from eventing.errors import ResolutionError
from eventing.resources.catalogue import Catalogue
from eventing.resources.delivery import DeliverySpec
from eventing.resources.destination import ResolvedBroker, ResolvedUri, resolve
from eventing.resources.duck import Destination
from eventing.resources.identity import Key, Lookup
from eventing.resources.subscription import Subscription
from eventing.resources.trigger import DEAD_LETTER_SINK_UNRESOLVED, SUBSCRIBER_UNRESOLVED, Trigger
from eventing.settings import Settings

BACKOFF_DELAY_S: Final = 0.2
"""The wait before a first retry where a delivery names no `backoffDelay`: that of Knative's default Broker."""
DEFAULT_DELIVERY: Final = DeliverySpec(retry=10, backoff_policy="exponential", backoff_delay_s=BACKOFF_DELAY_S)
"""Of a Subscription where neither it nor its Channel has any: that of Knative's default Broker."""
_EVERYTHING: Final = parse_filters(None, None)
"""A Subscription does not choose."""
_RESOLVE_FAILED: Final = {
    "subscriber": "SubscriberResolveFailed",
    "reply": "ReplyResolveFailed",
    "delivery.deadLetterSink": "DeadLetterSinkResolveFailed",
}
"""Reasons of a Subscription's ReferencesResolved, by the field that leads nowhere."""


class BrokerSinks(Protocol):
    """How sinks of this process are found."""

    def is_served(self, key: Key) -> bool:
        """True for a Broker or Channel that is at work in this process."""

    def sink(self, key: Key) -> Sink:
        """The sink that it is."""


@dataclass(frozen=True, slots=True)
class RequestForm:
    """How events are sent, wherever they go. `namespace` is the Trigger's, or the Subscription's."""

    namespace: str
    is_structured: bool
    asks_reply: bool
    carries_ttl: bool = False


@dataclass(slots=True)
class Specification:
    """What was found about a Trigger or a Subscription. `spec` is None where `fault` says what is missing."""

    spec: TriggerSpec | None = None
    fault: ResolutionError | None = None
    subscriber_uri: str = ""
    reply_uri: str = ""
    dead_letter_sink_uri: str = ""


class Sinks:
    """One sink per address and form, gone with the last Trigger that sends there.

    So two specs are equal where they say the same, and a Trigger is not touched for a change that does not reach it.
    """

    def __init__(self, *, pools: Pools, catalogue: Catalogue, cluster_domain: str, broker_sinks: BrokerSinks) -> None:
        self._pools = pools
        self._catalogue = catalogue
        self._cluster_domain = cluster_domain
        self._broker_sinks = broker_sinks
        self._http_sinks: WeakValueDictionary[tuple[str, str, RequestForm], HttpSink] = WeakValueDictionary()

    def find(self, destination: Destination, form: RequestForm, lookup: Lookup) -> Sink:
        """Where a destination leads. Raises ResolutionError, and ValueError for an address no request can go to."""
        found = self._resolve(destination, lookup)
        if isinstance(found, ResolvedBroker):
            return self._broker_sinks.sink(found.key)
        return self._http_sink(found.uri, destination.ca_certs or "", form)

    def locate(self, destination: Destination, lookup: Lookup) -> str:
        """The URI that a destination leads to. Raises as `find`."""
        found = self._resolve(destination, lookup)
        return self._broker_sinks.sink(found.key).uri if isinstance(found, ResolvedBroker) else found.uri

    def _resolve(self, destination: Destination, lookup: Lookup) -> ResolvedUri | ResolvedBroker:
        return resolve(
            destination,
            lookup,
            catalogue=self._catalogue,
            is_served=self._broker_sinks.is_served,
            cluster_domain=self._cluster_domain,
        )

    def _http_sink(self, uri: str, ca_certs: str, form: RequestForm) -> HttpSink:
        key = (uri, ca_certs, form)
        sink = self._http_sinks.get(key)
        if sink is None:
            sink = self._http_sinks[key] = HttpSink(
                uri,
                self._pools.of(uri, ca_certs),
                namespace=form.namespace,
                is_structured=form.is_structured,
                asks_reply=form.asks_reply,
                carries_ttl=form.carries_ttl,
            )
        return sink


class Specifier:
    """Puts together what a lane is told."""

    def __init__(self, sinks: Sinks, settings: Settings) -> None:
        self._sinks = sinks
        self._settings = settings

    def specify(self, trigger: Trigger, delivery: DeliverySpec, lookup: Lookup) -> Specification:
        """What the Trigger's lane is to do, under this delivery, while the world is as the lookup sees it."""
        found = Specification()
        namespace, is_structured = trigger.key.namespace, delivery.format == "json"
        to_subscriber = RequestForm(namespace, is_structured, asks_reply=True)
        to_dead_letter_sink = RequestForm(namespace, is_structured, asks_reply=False)
        try:
            sink = self._find(trigger.subscriber, to_subscriber, lookup, SUBSCRIBER_UNRESOLVED)
            found.subscriber_uri = sink.uri
            dead_letter_sink = None
            if delivery.dead_letter_sink is not None:
                dead_letter_sink = self._find(
                    delivery.dead_letter_sink, to_dead_letter_sink, lookup, DEAD_LETTER_SINK_UNRESOLVED
                )
                found.dead_letter_sink_uri = dead_letter_sink.uri
            found.spec = TriggerSpec(
                trigger.predicate,
                sink,
                dead_letter_sink,
                self._policy(delivery),
                trigger.manner,
                trigger.start,
            )
        except ResolutionError as error:
            found.fault = error
        return found

    def specify_subscription(self, view: Subscription, delivery: DeliverySpec, lookup: Lookup) -> Specification:
        """What the Subscription's lane is to do, under this delivery, while the world is as the lookup sees it. Events
        of its Channel are all for it; without a reply destination nobody wants what its subscriber replies.
        """
        found = Specification()
        delivery = DEFAULT_DELIVERY if delivery == DeliverySpec() else delivery
        wants_reply = view.reply is not None
        form = RequestForm(view.key.namespace, delivery.format == "json", asks_reply=False)
        to_subscriber, to_reply = replace(form, asks_reply=wants_reply), replace(form, carries_ttl=True)
        try:
            sink = self._resolve("subscriber", view.subscriber, to_subscriber, lookup)
            found.subscriber_uri = sink.uri
            reply = None
            if view.reply is not None:
                reply = self._resolve("reply", view.reply, to_reply, lookup)
                found.reply_uri = reply.uri
            dead_letter_sink = None
            if delivery.dead_letter_sink is not None:
                dead_letter_sink = self._resolve("delivery.deadLetterSink", delivery.dead_letter_sink, form, lookup)
                found.dead_letter_sink_uri = dead_letter_sink.uri
            policy = replace(self._policy(delivery), wants_reply=wants_reply)
            found.spec = TriggerSpec(_EVERYTHING, sink, dead_letter_sink, policy, view.manner, view.start, reply)
        except ResolutionError as error:
            found.fault = error
        return found

    def _resolve(self, field: str, destination: Destination, form: RequestForm, lookup: Lookup) -> Sink:
        """What a field of a Subscription leads to. Raises ResolutionError with the field's reason."""
        try:
            return self._sinks.find(destination, form, lookup)
        except (ResolutionError, ValueError) as error:
            raise ResolutionError(_RESOLVE_FAILED[field], f"Failed to resolve spec.{field}: {error}") from error

    def _find(self, destination: Destination, form: RequestForm, lookup: Lookup, reason: str) -> Sink:
        try:
            return self._sinks.find(destination, form, lookup)
        except (ResolutionError, ValueError) as error:
            raise ResolutionError(reason, str(error)) from error

    def _policy(self, delivery: DeliverySpec) -> Policy:
        settings = self._settings
        return Policy(
            retry=delivery.retry or 0,
            backoff_policy=delivery.backoff_policy or "exponential",
            backoff_delay_s=BACKOFF_DELAY_S if delivery.backoff_delay_s is None else delivery.backoff_delay_s,
            backoff_max_s=settings.retry_backoff_max_s,
            timeout_s=delivery.timeout_s or settings.delivery_timeout_s,
            retry_after_max_s=delivery.retry_after_max_s,
            format=delivery.format or "binary",
            has_dead_letter_sink=delivery.dead_letter_sink is not None,
        )
