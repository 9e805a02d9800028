"""From a Trigger to what its lane does: the same words give the same sink, and faults are told in Knative's."""

import gc
from collections.abc import Mapping
from typing import Any

import pytest
import trustme

from channels.event import Event
from dispatcher.manner import DEFAULT
from dispatcher.retry import Policy
from dispatcher.sink import HttpSink, Pools, Sink
from eventing.resources.catalogue import Catalogue
from eventing.resources.delivery import DeliverySpec
from eventing.resources.duck import Destination, Reference
from eventing.resources.identity import Key, Object
from eventing.resources.subscription import Subscription
from eventing.resources.trigger import Trigger
from eventing.settings import Settings
from eventing.specification import RequestForm, Sinks, Specification, Specifier
from tests.e2e.manifests import broker, broker_ref, trigger
from tests.eventing.stage import POOL_LIMITS, broker_key, service, service_ref

URL = "http://sink.test/a"
NO_CHANNEL = Reference("messaging.knative.dev/v1", "Channel", "default", "c")
PLAIN = RequestForm("default", is_structured=False, asks_reply=True)


class Case:
    """A specifier in a small world. Brokers are `HttpSink`s here: any sink will do."""

    def __init__(self, *items: Object, **settings: Any) -> None:
        self.pools = Pools(POOL_LIMITS)
        self.broker_sink: Sink = self.http("http://a-broker.test")
        self.sinks = Sinks(
            pools=self.pools,
            catalogue=Catalogue(),
            cluster_domain="cluster.test",
            broker_sinks=self,
        )
        self.specifier = Specifier(self.sinks, Settings(**settings))
        self.items: Mapping[Key, Object] = {
            Key(item["apiVersion"].rpartition("/")[0], item["kind"], "default", item["metadata"]["name"]): item
            for item in items
        }

    def http(self, uri: str) -> HttpSink:
        return HttpSink(uri, self.pools.of(uri), namespace="default", is_structured=False, asks_reply=True)

    def specify(self, subscriber: Any, **delivery: Any) -> Specification:
        item = trigger("t", subscriber)
        item["metadata"]["namespace"] = "default"
        return self.specifier.specify(Trigger.of(item), DeliverySpec.of(delivery, "default"), self.items.get)

    def specify_subscription(self, subscriber: Any, reply: Any = None, **delivery: Any) -> Specification:
        key = Key("messaging.knative.dev", "Subscription", "default", "s")
        subscriber, reply = (
            None if one is None else Destination.of({"uri": one} if isinstance(one, str) else one, "default")
            for one in (subscriber, reply)
        )
        own = DeliverySpec.of(delivery, "default")
        view = Subscription(key, "u", 1, NO_CHANNEL, subscriber, reply, own, DEFAULT, "latest")
        return self.specifier.specify_subscription(view, own, self.items.get)

    def is_served(self, key: Key) -> bool:
        return key.kind == "Broker"

    def sink(self, key: Key) -> Sink:
        return self.broker_sink

    def fault(self, subscriber: Any, **delivery: Any) -> tuple[str, str]:
        found = self.specify(subscriber, **delivery)
        assert found.fault is not None
        assert found.spec is None
        return found.fault.reason, found.fault.message


async def test_equal_words_make_equal_specs() -> None:
    case = Case()
    first, second = case.specify(URL, retry=2), case.specify(URL, retry=2)
    assert first.spec is not None
    assert second.spec is not None
    assert first.spec.sink is second.spec.sink
    assert first.spec.policy == second.spec.policy


@pytest.mark.parametrize(
    "other",
    [
        {"uri": "http://sink.test/b"},
        {"uri": "http://sink.test/a/"},
        {"form": RequestForm("other", is_structured=False, asks_reply=True)},
        {"form": RequestForm("default", is_structured=True, asks_reply=True)},
        {"form": RequestForm("default", is_structured=False, asks_reply=False)},
        {"form": RequestForm("default", is_structured=False, asks_reply=True, carries_ttl=True)},
    ],
)
async def test_whatever_changes_the_request_is_another_sink(other: dict[str, Any]) -> None:
    case = Case()
    mine = case.sinks._http_sink(URL, "", PLAIN)
    theirs = case.sinks._http_sink(other.get("uri", URL), "", other.get("form", PLAIN))
    assert mine is not theirs


async def test_other_certificates_are_another_sink_with_other_connections() -> None:
    case = Case()
    first, second = (trustme.CA().cert_pem.bytes().decode() for _ in range(2))
    url = "https://sink.test"
    sinks = [case.specify({"uri": url, "CACerts": one}).spec for one in (first, second, first)]
    assert all(sinks)
    mine, theirs, again = (one.sink for one in sinks if one is not None)
    assert mine is again
    assert mine is not theirs
    assert case.pools.of(url, first) is not case.pools.of(url, second)


async def test_a_sink_goes_with_the_last_spec_that_names_it() -> None:
    case = Case()
    found = case.specify(URL)
    assert 1 == len(case.sinks._http_sinks)
    del found
    gc.collect()
    assert 0 == len(case.sinks._http_sinks)


async def test_a_reference_leads_to_the_services_address() -> None:
    case = Case(service("s", "sink.test", 8080))
    assert "http://sink.test:8080" == case.specify(service_ref("s")).subscriber_uri
    plain = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "p"}, "spec": {}}
    assert "http://p.default.svc.cluster.test" == Case(plain).specify(service_ref("p")).subscriber_uri


async def test_a_broker_of_this_process_is_sent_to_directly() -> None:
    case = Case(broker("other"))
    ref = broker_ref("other")
    ref["ref"]["namespace"] = "default"
    found = case.specify(ref)
    assert found.spec is not None
    assert case.broker_sink is found.spec.sink
    assert broker_key("other") in case.items


async def test_a_subscriber_that_is_not_there_is_told_in_knatives_words() -> None:
    expected = ("Unable to get the Subscriber's URI", 'failed to get object default/s: services "s" not found')
    assert expected == Case().fault(service_ref("s"))


async def test_a_dead_letter_sink_that_is_not_there_is_told_in_knatives_words() -> None:
    """The subscriber was found and is shown."""
    case = Case()
    expected = ("Unable to get the dead letter sink's URI", 'failed to get object default/s: services "s" not found')
    assert expected == case.fault(URL, deadLetterSink=service_ref("s"))
    assert URL == case.specify(URL, deadLetterSink=service_ref("s")).subscriber_uri


@pytest.mark.parametrize("url", ["ftp://sink.test", "http://user:secret@sink.test", "http://sink.test:0"])
async def test_an_address_that_no_request_can_go_to_is_a_fault(url: str) -> None:
    reason, message = Case().fault(url)
    assert "Unable to get the Subscriber's URI" == reason
    assert message
    assert "secret" not in message


async def test_the_delivery_is_the_policy() -> None:
    found = Case(retry_backoff_max_s=7.0).specify(
        URL,
        retry=3,
        backoffPolicy="linear",
        backoffDelay="PT0S",
        timeout="PT5S",
        retryAfterMax="PT9S",
        format="json",
        deadLetterSink={"uri": "http://letters.test"},
    )
    assert found.spec is not None
    expected = Policy(
        retry=3,
        backoff_policy="linear",
        backoff_delay_s=0.0,
        backoff_max_s=7.0,
        timeout_s=5.0,
        retry_after_max_s=9.0,
        format="json",
        has_dead_letter_sink=True,
    )
    assert expected == found.spec.policy
    assert "http://letters.test" == found.dead_letter_sink_uri


async def test_what_a_delivery_leaves_out_is_the_servers_default() -> None:
    found = Case(delivery_timeout_s=11.0).specify(URL)
    assert found.spec is not None
    policy = found.spec.policy
    assert (0, "exponential", 0.2, 11.0, None, "binary", False) == (
        policy.retry,
        policy.backoff_policy,
        policy.backoff_delay_s,
        policy.timeout_s,
        policy.retry_after_max_s,
        policy.format,
        policy.has_dead_letter_sink,
    )


def a_request(sink: Sink, *, is_structured: bool = False) -> list[str]:
    """The lines of the head that are about more than the event."""
    event = Event.from_attributes({"id": "1", "source": "/s", "type": "t"}).with_ttl(7)
    head = sink.request(event).partition(b"\r\n\r\n")[0].decode()
    return [line for line in head.split("\r\n")[1:] if not line.startswith(("ce-s", "ce-i", "ce-t", "Content-Length"))]


async def test_a_subscription_sends_replies_where_it_says() -> None:
    """It asks its subscriber for them, and nobody else; a reply tells of the hops that are left."""
    found = Case().specify_subscription(URL, "http://reply.test", deadLetterSink={"uri": "http://letters.test"})
    spec = found.spec
    assert spec is not None
    assert spec.reply is not None
    assert spec.dead_letter_sink is not None
    assert (URL, "http://reply.test", "http://letters.test") == (
        found.subscriber_uri,
        found.reply_uri,
        found.dead_letter_sink_uri,
    )
    assert (True, True) == (spec.policy.wants_reply, spec.policy.has_dead_letter_sink)
    assert ["Host: sink.test", "Kn-Namespace: default", "Prefer: reply"] == a_request(spec.sink)
    assert ["Host: reply.test", "Kn-Namespace: default", "ce-knativebrokerttl: 7"] == a_request(spec.reply)
    assert ["Host: letters.test", "Kn-Namespace: default"] == a_request(spec.dead_letter_sink)


async def test_a_subscription_without_a_reply_wants_none() -> None:
    """It does not ask for what it would ignore."""
    found = Case().specify_subscription(URL)
    assert found.spec is not None
    assert (None, None, False) == (found.spec.reply, found.spec.dead_letter_sink, found.spec.policy.wants_reply)
    assert ["Host: sink.test", "Kn-Namespace: default"] == a_request(found.spec.sink)
    assert ("", "") == (found.reply_uri, found.dead_letter_sink_uri)


async def test_a_subscription_without_any_delivery_is_retried_as_a_broker_would() -> None:
    """One that says anything is taken at its word."""
    case = Case()
    specs = [case.specify_subscription(URL).spec, case.specify_subscription(URL, backoffDelay="PT1S").spec]
    assert [(10, "exponential", 0.2), (0, "exponential", 1.0)] == [
        (spec.policy.retry, spec.policy.backoff_policy, spec.policy.backoff_delay_s) for spec in specs if spec
    ]


async def test_all_requests_of_a_subscription_have_its_format() -> None:
    """The reply's and the dead letter's, too."""
    spec = Case().specify_subscription(URL, URL, format="json", deadLetterSink={"uri": URL}).spec
    assert spec is not None
    for sink in (spec.sink, spec.reply, spec.dead_letter_sink):
        assert sink is not None
        assert "Content-Type: application/cloudevents+json" in a_request(sink)


async def test_a_subscription_gets_all_events_and_equal_words_make_equal_specs() -> None:
    """So a lane is not touched for nothing."""
    case = Case()
    first, second = (case.specify_subscription(URL, "http://reply.test", retry=2).spec for _ in range(2))
    assert first is not None
    assert first == second
    assert first.predicate.is_everything


@pytest.mark.parametrize(
    ("subscriber", "reply", "letters", "reason", "field", "found_uris"),
    [
        (service_ref("s"), URL, URL, "SubscriberResolveFailed", "subscriber", ("", "")),
        (URL, service_ref("s"), URL, "ReplyResolveFailed", "reply", (URL, "")),
        (URL, URL, service_ref("s"), "DeadLetterSinkResolveFailed", "delivery.deadLetterSink", (URL, URL)),
    ],
)
async def test_what_of_a_subscription_leads_nowhere_is_told_in_knatives_words(
    subscriber: Any, reply: Any, letters: Any, reason: str, field: str, found_uris: tuple[str, str]
) -> None:
    """What was found before it is shown."""
    dead_letter_sink = {"uri": letters} if isinstance(letters, str) else letters
    found = Case().specify_subscription(subscriber, reply, deadLetterSink=dead_letter_sink)
    assert found.spec is None
    assert found.fault is not None
    message = f'Failed to resolve spec.{field}: failed to get object default/s: services "s" not found'
    assert (reason, message) == (found.fault.reason, found.fault.message)
    assert (*found_uris, "") == (found.subscriber_uri, found.reply_uri, found.dead_letter_sink_uri)
