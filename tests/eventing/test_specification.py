"""From a Trigger to what its lane does: the same words give the same sink, and faults are told in Knative's."""

import gc
from collections.abc import Mapping
from typing import Any

import pytest
import trustme

from dispatcher.retry import Policy
from dispatcher.sink import HttpSink, Pools, Sink
from eventing.resources.catalogue import Catalogue
from eventing.resources.delivery import DeliverySpec
from eventing.resources.identity import Key, Object
from eventing.resources.trigger import Trigger
from eventing.settings import Settings
from eventing.specification import RequestForm, Sinks, Specification, Specifier
from tests.e2e.manifests import broker, broker_ref, trigger
from tests.eventing.stage import POOL_LIMITS, broker_key, service, service_ref

URL = "http://sink.test/a"
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
            broker_sinks=lambda _: self.broker_sink,
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
