"""Where our answers differ from the recorded or the real ones on purpose, and why. Everything else must agree."""

from typing import Final

from tests.clients.replay import Differences
from tests.clients.session import Differences as ShownDifferences

_NO_FINALIZERS: Final = "nothing here needs a finalizer: what goes with an object goes with its deletion"
_JOURNAL: Final = "the channel where none is named is the journal"
_NO_ADAPTERS: Final = "sources run no adapters here, and their conditions say so"
_NO_CHILDREN: Final = "one process needs no objects to tell its parts of each other"
_ADDRESSES: Final = "all addresses are of one server, told apart by their paths"
_REFUSALS: Final = "what a webhook refuses is told with 422 and its causes"
_STRICT: Final = "a field that no kind knows is kept nowhere, and refused where the client is strict"
_COLUMNS: Final = "columns are described in our own words"
_HASHED: Final = "an EventType that a source announces is named by a hash of uids"
_NO_CLUSTER: Final = "what needs nodes or other controllers of a cluster is not here"
_UNADAPTED: Final = tuple(
    ("*", f"* /apis/sources.knative.dev/*status.conditions[{name}].*")
    for name in ("Deployed", "ReceiveAdapterReady", "SinkBindingAvailable", "Ready")
)

QUICKER: Final[Differences] = {
    "what was recorded is the state before a controller was done, which ours may be by then": (
        ("023-kn-trigger-list-json", "GET */triggers#items[Trigger created].status.observedGeneration"),
        ("025-kubectl-wait-subscription", "GET */subscriptions/pipe-to-receiver#status"),
        ("010-kubectl-describe-channel-by-full-name", "GET */channels/pipe#status.subscribers"),
    )
}
"""What differs in some runs only: these entries need not be met."""
KN: Final[Differences] = {
    "a source of the integrations is no kind of ours": (("*", "GET */integrationsources#*"),),
    "a container without a name gets one": (("*", "*spec.template.spec.containers[*"),),
    _REFUSALS: (
        ("005-kn-broker-create-with-a-bad-delay", "POST *#(status)"),
        ("039-kn-source-ping-create-bad-schedule", "POST *#(status)"),
    ),
    _JOURNAL: (
        ("*", "*spec.channelTemplate.*"),
        ("*", "*status.channel.*"),
        ("*", "*status.annotations.knative.dev/channel*"),
    ),
    _NO_FINALIZERS: (("*", "*metadata.finalizers"), ("061-*", "DELETE *"), ("062-*", "DELETE *")),
    _NO_ADAPTERS: (
        *_UNADAPTED,
        ("*", "* /apis/sources.knative.dev/*status.conditions[SufficientPermissions].*"),
        ("*", "* /apis/sources.knative.dev/*status.ceAttributes"),
        ("*", "* /apis/sources.knative.dev/*status.namespaces"),
    ),
    _HASHED: (("055-kn-eventtype-list", "GET */eventtypes#items[EventType *]"),),
    _ADDRESSES: (("*", "*status.address.url"),),
    "sources announce their types of events, and an API server alone does not": (
        ("040-kn-eventtype-list", "GET */eventtypes#items[EventType *]"),
    ),
    _NO_CHILDREN: (
        ("032-kn-subscription-list", "GET */subscriptions#items[Subscription orders-*]"),
        ("*", "GET */sinkbindings#items[SinkBinding beats-sinkbinding]"),
    ),
}
KUBECTL: Final[Differences] = {
    "flows, sinks and their like are no kinds of ours": (
        ("*", "* /apis/flows.knative.dev/*"),
        ("*", "* /apis/sinks.knative.dev/*"),
        ("*", "* /apis/eventing.knative.dev/v1alpha1/*"),
        ("*", "* /apis/sources.knative.dev/v1alpha1/*"),
        ("*", "* /openapi/v3/apis/flows.knative.dev/v1#*"),
        ("*", "* /openapi/v3/apis/sinks.knative.dev/v1alpha1#*"),
        ("*", "* /openapi/v3/apis/eventing.knative.dev/v1alpha1#*"),
        ("*", "*#paths.apis/flows.knative.dev/v1"),
        ("*", "*#paths.apis/sinks.knative.dev/v1alpha1"),
        ("*", "*#paths.apis/eventing.knative.dev/v1alpha1"),
        ("*", "GET *#rows[PartialObjectMetadata branches-*]"),
        ("*", "GET *#rows[PartialObjectMetadata steps-*]"),
    ),
    "the version tells of this server": (("001-kubectl-version", "GET /version#*"),),
    _JOURNAL: (
        ("*", "*spec.channelTemplate.*"),
        ("*", "*status.channel.*"),
        ("*", "*status.annotations.knative.dev/channel*"),
    ),
    _NO_FINALIZERS: (
        ("*", "*metadata.finalizers"),
        ("054-kubectl-delete-the-rest", "DELETE *"),
        ("021-kubectl-delete-others", "DELETE *"),
    ),
    _COLUMNS: (("*", "*#columnDefinitions[*].description"), ("052-kubectl-get-ns", "*#columnDefinitions[Age].type")),
    _NO_CLUSTER: (
        ("*", "GET /api#*.resources[namespaces].subresources[finalize]"),
        ("*", "GET /api#*.resources[namespaces].verbs[*"),
        ("*", "GET /api#*.resources[services].subresources[proxy]"),
        ("011-kubectl-get-deployment-bound", "GET /apis/apps/*"),
        ("052-kubectl-get-ns", "GET *#rows[PartialObjectMetadata k*]"),
    ),
    _REFUSALS: (
        ("018-kubectl-apply-invalid", "POST *#(status)"),
        ("019-kubectl-apply-invalid-server-side", "PATCH *#(status)"),
        ("021-kubectl-patch-broker-of-trigger", "PATCH *#(status)"),
        ("022-kubectl-patch-broker-config", "PATCH *#(status)"),
        ("017-kubectl-annotate-broker-class", "PATCH *#(status)"),
    ),
    _NO_ADAPTERS: (
        *_UNADAPTED,
        ("*", "GET /apis/sources.knative.dev/*.cells.Ready"),
        ("*", "GET /apis/sources.knative.dev/*.cells.Reason"),
    ),
    _NO_CHILDREN: (
        ("*", "GET */inmemorychannels#rows[PartialObjectMetadata orders-kne-trigger]"),
        ("*", "GET */inmemorychannels#rows[PartialObjectMetadata pipe]"),
        ("028-kubectl-describe-imc", "GET */inmemorychannels/pipe#(status)"),
        ("*", "GET */subscriptions#rows[PartialObjectMetadata orders-*]"),
        ("*", "GET */sinkbindings#rows[PartialObjectMetadata *-sinkbinding]"),
    ),
    _HASHED: (("*", "GET */eventtypes#rows[PartialObjectMetadata *]"),),
    _ADDRESSES: (
        ("*", "*status.address.url"),
        ("*", "*status.sinkUri"),
        ("*", "GET *.cells.URL"),
        ("*", "GET *.cells.Sink"),
    ),
}
ALONE: Final[Differences] = {
    "an API server alone completes nothing, and writes no status": (
        ("*", "*status.conditions[*"),
        ("*", "*status.observedGeneration"),
        ("*", "*.cells.Class"),
        ("*", "*.cells.Ready"),
        ("*", "*.cells.Subscriber_URI"),
        ("*", "GET */inmemorychannels#rows[PartialObjectMetadata c1]"),
    ),
    "an API server alone lets pass what webhooks refuse": (
        ("011-kubectl-apply-server-side-field-manager-other-force-conflict", "PATCH *#(status)"),
    ),
    _STRICT: (
        ("012-unknown-field-strict", "PATCH *#(status)"),
        ("042-replace", "PUT *#(status)"),
        ("*", "*spec.brokr"),
        ("*", "*spec.filter.attributes.type"),
        ("*", "*metadata.generation"),
        ("*", "*metadata.annotations.kubectl.kubernetes.io/last-applied-configuration"),
    ),
    "a value of a wrong type is told in our words": (
        ("013-wrong-type", "PATCH *message"),
        ("014-wrong-type-without-client-validation", "PATCH *message"),
    ),
}
"""Besides `KUBECTL`, of the session that was recorded without webhooks and controllers."""
SESSIONS: Final[ShownDifferences] = {
    "a cluster without a webhook converts no versions, and serves only those that need none": (
        ("discovery: api-resources *", "? *eventtypes *eventing.knative.dev/v1beta? *"),
        ("discovery: api-versions", "+ eventing.knative.dev/v1beta3"),
    ),
    "Knative's webhooks complete what is written, and a schema alone does not": (
        ("reading: get trigger*", "+ *annotations:"),
        ("reading: get trigger*", "+ *eventing.knative.dev/creator: *"),
        ("reading: get trigger*", "+ *eventing.knative.dev/lastModifier: *"),
        ("reading: get trigger*", "+ *eventing.knative.dev/broker: b1"),
        ("reading: get triggers --show-labels", "? t? b1 *"),
        ("describing: describe *", "? *Labels: *"),
        ("describing: describe *", "+ *session=reading"),
        ("describing: describe *", "? *Annotations: *"),
        ("describing: describe *", "+ *eventing.knative.dev/*"),
        ("describing: describe broker b1", "+   Config:"),
        ("describing: describe broker b1", "+     *: *"),
    ),
    "fields are described in our own words, and more of them": (("describing: explain *", "*"),),
    "an old kubectl asks for the kinds of a category in no order": (("selection: get eventing -o name", "? broker*"),),
    "a value of a wrong type is told in our words": (
        ("*", "- *must be of type string:*"),
        ("*", "+ *invalid value: expected a string, got *"),
        ("serverside: apply --server-side -f wrong.yaml", "*"),
    ),
    "what Knative's webhooks refuse, a schema alone lets pass": (
        ("serverside: *channel-kafka.yaml*", "*"),
        ("patching: patch trigger t1 --type merge -p *7*", "*"),
    ),
}
