"""What we answer differently from Knative's webhooks to the same requests, and why: tables of reasons and cases."""

from typing import Final

Differences = dict[str, tuple[str, ...]]
"""Reason -> names of recorded admissions."""
TRUE_PATH: Final = "the true path"
"""The verdict is the same, and the path is that of the field which is wrong."""
SOURCE_KINDS: Final = ("PingSource", "ApiServerSource", "ContainerSource", "SinkBinding")
_DIALECTS: Final = ("exact", "prefix", "suffix")

BROKERS: Final[Differences] = {
    TRUE_PATH: (
        "Broker: empty class",
        "Broker: update of class",
        "Broker: update of config and class",
        "Trigger: brokerRef with namespace, feature off",
        "Trigger: unknown field strict",
        "Trigger: update of broker",
        "Trigger: update removes broker",
        "Trigger: update of broker to empty",
        "Trigger: filters deep nesting, bad at the bottom",
        "Trigger: filters first and third bad",
        "Trigger: filters two dialects exact prefix",
        "Trigger: filters two dialects all any",
        "Trigger: filters two dialects not cesql",
        "Trigger: filters two dialects inside not",
        "Trigger: filter value number",
        *(f"Trigger: filters {dialect} is a string" for dialect in _DIALECTS),
        "Trigger: filters all is a map",
        "Trigger: filters any is a map",
        "Trigger: filters not is a list",
        "Trigger: filters cesql is a number",
    ),
    "a duration is not negative": ("Broker: delivery negative backoffDelay", "Broker: delivery negative timeout"),
    "an unknown field is pruned with a warning, wherever it is": ("Broker: delivery unknown field",),
    "a reference names something": ("Trigger: brokerRef empty",),
    "certificates are PEM": ("Trigger: subscriber bad CACerts",),
    "a filter that says nothing is refused: Knative lets everything pass": (
        *(f"Trigger: filters {dialect} empty map" for dialect in _DIALECTS),
        *(f"Trigger: filters {dialect} empty value" for dialect in _DIALECTS),
        "Trigger: filters all empty list",
        "Trigger: filters all with empty element",
        "Trigger: filters any empty list",
        "Trigger: filters any with empty element",
        "Trigger: filters not empty",
        "Trigger: filters empty element",
    ),
    "a misspelt dialect is refused, not pruned": ("Trigger: filters unknown dialect",),
    "an expression is Boolean": (
        "Trigger: filters cesql 1",
        "Trigger: filters cesql 'a'",
        "Trigger: filters cesql LENGTH(type)",
    ),
    "an expression calls functions that exist, as they are": (
        "Trigger: filters cesql LENGTH()",
        "Trigger: filters cesql LENGTH(type, 1)",
        "Trigger: filters cesql KN_VERIFY_CORRELATION_ID(id, 'r', 'demo', 'k', 1, 2)",
        "Trigger: filters cesql KN_VERIFY_CORRELATION_ID()",
    ),
    "a quote within a string is escaped by a backslash": ("Trigger: filters cesql type = 'it''s'",),
    "timeouts are no feature to be switched off": (
        "Broker: timeout while the feature is off",
        "Broker: bad timeout while the feature is off",
    ),
    "a reference has an apiVersion; the group alone is no feature here": (
        "Trigger: subscriber ref with group, feature on",
    ),
    "a Trigger and its Broker share a namespace: links across are no feature here": (
        "Trigger: brokerRef without namespace, feature on",
        "Trigger: brokerRef with namespace, feature on, user without knsubscribe",
        "Trigger: brokerRef own namespace, feature on, ordinary user",
        "Trigger: brokerRef without namespace, feature on, ordinary user",
    ),
}
"""Of Brokers and Triggers."""
EVENT_TYPES: Final[Differences] = {
    TRUE_PATH: (
        "EventType v1beta1: source not a URI",
        "EventType v1beta2: source not a URI",
        "EventType v1beta3: minimal",
        "EventType v1beta3: no spec",
        "EventType v1beta3: spec.type of v1beta2",
        "EventType v1beta3: type without value",
    ),
    "a reference names something": ("EventType v1beta1: reference empty", "EventType v1beta2: reference empty"),
    "attributes are stored whole, with their values, and shown by v1beta3": (
        "EventType v1beta3: attribute without required",
        "EventType v1beta3: description",
        "EventType v1beta3: extension attribute with template",
        "EventType v1beta3: full",
        "EventType v1beta3: unknown field",
        "EventType v1beta3: update of attributes",
        "EventType v1beta3: without id",
    ),
    "variables are stored, not pruned": ("EventType v1beta3: variables",),
    "an attribute has a name of CloudEvents, and is named once": (
        "EventType v1beta3: bad attribute name",
        "EventType v1beta3: duplicate attribute",
    ),
}
"""Of EventTypes."""
MESSAGING: Final[Differences] = {
    TRUE_PATH: (
        "Channel: update adds subscribers",
        "Channel: update of template",
        "Channel: update of template spec",
        "InMemoryChannel: bad scope",
        "InMemoryChannel: empty scope",
        "InMemoryChannel: subscriber generation string",
        "InMemoryChannel: subscriber without any uri",
        "InMemoryChannel: two bad subscribers",
        "Subscription: subscriber uri not parseable",
        "Subscription: reply uri not parseable",
        "Subscription: update of channel kind",
    ),
    "a delivery is valid wherever it stands": (
        "InMemoryChannel: bad backoffDelay",
        "InMemoryChannel: bad backoffPolicy",
        "InMemoryChannel: negative retry",
    ),
    "an unknown field is pruned with a warning, wherever it is": (
        "Subscription: channel with unknown field",
        "Subscription: delivery unknown field",
    ),
    "certificates are PEM": ("Subscription: subscriber bad CACerts", "Subscription: reply bad CACerts"),
    "a reference has an apiVersion; the group alone is no feature here": (
        "Subscription: channel with group, feature on",
        "Subscription: subscriber ref with group instead of apiVersion",
    ),
    "a Subscription and its channel share a namespace: links across are no feature here": (
        "Subscription: channel in other namespace, feature on",
    ),
}
"""Of Channels and Subscriptions."""
SOURCES: Final[Differences] = {
    TRUE_PATH: (
        *(f"{kind}: sink uri not parseable" for kind in SOURCE_KINDS),
        "ApiServerSource: two bad filters, feature on",
        "ContainerSource: container empty",
        "ContainerSource: container without image",
        "ContainerSource: empty spec",
        "ContainerSource: env value number",
        "ContainerSource: no containers",
        "ContainerSource: no spec",
        "ContainerSource: second container empty",
        "PingSource: ceOverrides value number",
        "SinkBinding: subject bad selector operator",
    ),
    "what is missing is told in Knative's words, and with all else that is wrong": (
        "ApiServerSource: no resources",
        "ApiServerSource: no spec",
        "ApiServerSource: resources empty",
        "ApiServerSource: update to no resources",
    ),
    "an unknown field is pruned with a warning, wherever it is": ("ApiServerSource: disableCache",),
    "a pod template is kept as it came: whoever runs it knows its fields": (
        "ContainerSource: container unknown field",
    ),
    "filters are no feature to be switched off": ("ApiServerSource: filters while the feature is off",),
    "certificates are PEM": (
        "ApiServerSource: sink bad CACerts",
        "ContainerSource: sink bad CACerts",
        "SinkBinding: sink bad CACerts",
    ),
    "an extension has a name that events can have, whoever sets it": (
        "ContainerSource: ceOverrides bad name",
        "SinkBinding: ceOverrides bad name",
        "SinkBinding: many errors",
    ),
}
"""Of sources."""
