"""InMemoryChannel: a channel that holds events in memory. A crash loses what it holds.

Source: Knative's messaging.knative.dev/v1 InMemoryChannel. Pure.
"""

from typing import Final

from eventing.resources.kind import AGE_COLUMN, READY_COLUMNS, URL_COLUMN, Kind
from eventing.resources.schema import record
from eventing.resources.subscribable import (
    CHANNEL_CATEGORIES,
    CHANNEL_LABELS,
    SUBSCRIBABLE,
    SUBSCRIBABLE_STATUS,
    default_subscribable,
    validate_subscribable,
)

CONDITIONS: Final = (
    "ServiceReady",
    "EndpointsReady",
    "ChannelServiceReady",
    "Addressable",
    "DeadLetterSinkResolved",
    "EventPoliciesReady",
)
"""What its Ready depends on; DispatcherReady informs only."""
IN_MEMORY_CHANNEL: Final = Kind(
    group="messaging.knative.dev",
    version="v1",
    name="InMemoryChannel",
    plural="inmemorychannels",
    description="A channel that holds events in memory: fast, and empty after a crash.",
    short_names=("imc",),
    categories=CHANNEL_CATEGORIES,
    labels=CHANNEL_LABELS,
    columns=(URL_COLUMN, AGE_COLUMN, *READY_COLUMNS),
    fields={
        "spec": record(SUBSCRIBABLE, "What the user wants."),
        "status": record(SUBSCRIBABLE_STATUS, "What there is."),
    },
    default=default_subscribable,
    validate=validate_subscribable,
)
