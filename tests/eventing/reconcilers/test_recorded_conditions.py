"""Knative's controllers, recorded: the same steps, and after each the same conditions, statuses, children and Events.

`DIFFERENCES` says what we do differently, and why: patterns over `scenario > step > object > aspect`. Everything else
must agree. `ABSENT` are scenarios about what this server has not.
"""

import asyncio
from fnmatch import fnmatchcase
from functools import cache

import pytest

from tests.eventing.reconcilers.recorded import differences, ours, scenarios, theirs

SCENARIOS = scenarios()
ABSENT: dict[str, tuple[str, ...]] = {
    "kinds that this server has not": (
        "Sequences: two steps with reply, missing step, missing reply, unknown template",
        "Parallels: two branches, one with filter; missing parts",
        "IntegrationSource and IntegrationSink",
        "JobSink",
        "EventTransform with and without sink",
        "RequestReply",
        "RequestReply with a data plane pod (Pod request-reply-0 of the StatefulSet in knative-eventing, IP 10.1.2.4)",
    ),
    "features that this server has not": (
        "feature authentication-oidc enabled: audiences, service accounts, policies",
        "config-sugar: namespace-selector and trigger-selector {}",
        "feature cross-namespace-event-links enabled: Trigger and Subscription that refer to another namespace",
        "feature transport-encryption permissive and strict without certificates",
    ),
    "the data plane is this process: it is there, or nobody asks": (
        "data plane without endpoints: Broker, InMemoryChannel",
    ),
}
REPLAYED = sorted(SCENARIOS.keys() - {name for names in ABSENT.values() for name in names})
DIFFERENCES: dict[str, tuple[str, ...]] = {
    "a Broker is one fan out: it has no channel of its own, and its Triggers no Subscriptions": (
        "* > InMemoryChannel/*-kne-trigger > there",
        "* > InMemoryChannel/*-kne-trigger > Warning *",
        "* > Broker/* > status.annotations",
        "* > Subscription/default-* > *",
        "Trigger updates: * > events > Trigger/t > Warning *",
    ),
    "deletions are seen by who reconciles, also after a restart: nothing need be held back for them": (
        "* > metadata.finalizers",
        "* > Normal FinalizerUpdate",
        "* > Subscription/* > Normal SubscriberRemoved",
    ),
    "one process writes, where several of Knative's meet": (
        "* > Warning UpdateFailed",
        "* > Subscription/* > Warning SubscriptionNotMarkedReadyByChannel",
        "Subscriptions: * > events > InMemoryChannel/c > Warning InternalError",
    ),
    "a Broker works the moment it is there: nobody finds it without an address": (
        "feature eventtype-auto-create * > events > PingSource/p > Warning SinkNotFound",
    ),
    "what is wrong is told each time it comes about": (
        "Broker with dead letter sinks: * > events > Broker/missing-dls > Warning InternalError",
        "Subscriptions: * > events > Subscription/* > Warning ChannelReferenceFailed",
    ),
    "what is over in a moment, while a channel is being made, is not told": (
        "Subscription updates; * > events > Subscription/s > Warning ChannelReferenceFailed",
    ),
    "a Trigger without its Broker says so from the start": (
        "Trigger created before its Broker; * > no broker > Trigger/t > there",
        "Triggers with different * > Trigger/other-broker > there",
    ),
    "a brokerRef is a reference to a Broker, without a feature": (
        "Triggers with different * > Trigger/by-broker-ref > there",
    ),
    "certificates are PEM, or refused": ("Triggers with different * > Trigger/with-audience > there",),
    "a Broker without an address says which dead letter sink is missing": (
        "Broker with dead letter sinks: * > settled > Broker/missing-dls > TriggerChannelReady",
        "Broker with dead letter sinks: * > settled > Broker/missing-dls > Ready",
    ),
    "a Broker whose class nobody serves says so": (
        "Brokers with configs * > Broker/other-class > there",
        "Brokers with configs * > Broker/other-class > Warning InternalError",
    ),
    "a channel of an unknown kind is a failure that names the kind": (
        "* > Channel/unknown-template > BackingChannelReady",
        "* > Channel/unknown-template > Ready",
        "* > Channel/broken > BackingChannelReady",
        "* > Channel/broken > Ready",
        "* > Subscription/service-as-channel > *",
        "* > Subscription/unknown-kind-channel > Ready",
        "* > Subscription/unknown-kind-channel > ReferencesResolved",
        "* > Trigger/unknown-kind-subscriber > Ready",
        "* > Trigger/unknown-kind-subscriber > SubscriberResolved",
        "Brokers with configs * > Broker/unknown-kind > *Ready",
        "Brokers with configs * > Broker/no-kind > *Ready",
    ),
    "lines of YAML are counted by another parser": ("Brokers with configs * > Broker/bad-yaml > *Ready",),
    "every namespace is served by this process": (
        "InMemoryChannel with the scope annotation namespace > dispatcher not ready > InMemoryChannel/imc > *",
        "InMemoryChannel with the scope annotation namespace > events > InMemoryChannel/imc > *",
    ),
    "this server runs no adapters, and says so": (
        "* > PingSource/* > Deployed",
        "* > PingSource/* > Ready",
        "* > adapter gone > PingSource/q > status.ceAttributes",
        "* > adapter gone > EventType/of q * > there",
        "PingSource while * > events > PingSource/* > Warning InternalError",
        "* > ApiServerSource/* > Deployed",
        "* > ApiServerSource/* > Ready",
        "* > ApiServerSource/* > SufficientPermissions",
        "* > ApiServerSource/* > status.ceAttributes",
        "* > ApiServerSource/* > status.namespaces",
        "* > ApiServerSource/* > Normal ApiServerSourceDeployment*",
        "* > ApiServerSource/* > Warning InternalError",
        "* > EventType/of * dev.knative.apiserver.* > there",
        "* > ContainerSource/* > Ready",
        "* > ContainerSource/* > ReceiveAdapterReady",
        "* > ContainerSource/* > Normal ContainerSource*",
        "* > SinkBinding/*-sinkbinding > there",
        "* > SinkBinding/*-sinkbinding > Warning InternalError",
        "* > ContainerSource/missing-sink > Warning InternalError",
        "* > SinkBinding/* > Ready",
        "* > SinkBinding/* > SinkBindingAvailable",
        "SinkBinding: * > events > SinkBinding/b* > Warning InternalError",
        "Trigger whose dependency * > dependency ready > Trigger/t > DependencyReady",
        "Trigger whose dependency * > dependency ready > Trigger/t > Ready",
    ),
    "a sink that is missing is named": (
        "* > PingSource/* > SinkProvided",
        "Trigger with a dependency * > Trigger/dep-missing > DependencyReady",
        "Trigger with a dependency * > Trigger/dep-missing > Ready",
    ),
    "a source whose sink is missing has a status": (
        "* > ApiServerSource/missing-sink > there",
        "* > ApiServerSource/missing-sink > Warning SinkNotFound",
    ),
    "what does not need a subject does not wait for it": (
        "SinkBinding: * > subjects missing > SinkBinding/* > *",
        "SinkBinding: * > SinkBinding/b-missing-sink > *",
    ),
    "EventTypes are described in our words, and owned by the version that is stored": (
        "* > EventType/of * dev.knative.sources.ping > metadata.ownerReferences",
        "* > EventType/of * dev.knative.sources.ping > spec",
    ),
    "an EventType is stored whole": ("* > EventType/missing-broker > spec",),
}
"""Why, and of which facts, we say something different."""
PATTERNS = [pattern for patterns in DIFFERENCES.values() for pattern in patterns]


@cache
def found(name: str) -> dict[str, tuple[str, str]]:
    """What differs in a scenario."""
    differing = differences(theirs(SCENARIOS[name]), asyncio.run(ours(SCENARIOS[name])))
    return {f"{name} > {fact}": both for fact, both in differing.items()}


@pytest.mark.parametrize("name", REPLAYED)
def test_a_scenario_ends_as_recorded(name: str) -> None:
    """After each step: conditions with status, reason and message, all other fields of statuses, specs and metadata
    that controllers write, children, and which Events were told.
    """
    unlisted = {fact: both for fact, both in found(name).items() if not any(fnmatchcase(fact, one) for one in PATTERNS)}
    assert {} == unlisted


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_listed_difference_is_one(pattern: str) -> None:
    """An entry of the table that no longer differs, or names nothing, must leave it."""
    assert [fact for name in REPLAYED for fact in found(name) if fnmatchcase(fact, pattern)]


def test_what_is_absent_was_recorded() -> None:
    """No name in the table is a slip."""
    assert {name for names in ABSENT.values() for name in names} <= SCENARIOS.keys()
