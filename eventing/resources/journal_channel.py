"""JournalChannel: a channel in the server's journal, durable without any other system.

A kind of this project's own; its rules are those of an InMemoryChannel. Pure.
"""

from typing import Final

from dispatcher.fault import FieldError, shown
from eventing.resources.identity import Object
from eventing.resources.kind import Context
from eventing.resources.retention import parse_retention
from eventing.resources.schema import string
from eventing.resources.subscribable import own_channel, validate_subscribable


def _validate(item: Object, old: Object | None, context: Context) -> list[FieldError]:
    errors = validate_subscribable(item, old, context)
    if "retention" in item["spec"]:
        try:
            parse_retention(item["spec"]["retention"])
        except ValueError as error:
            errors.append(FieldError("spec.retention", f"invalid value: {shown(str(error))}"))
    return errors


JOURNAL_CHANNEL: Final = own_channel(
    "JournalChannel",
    "journalchannels",
    "jc",
    "A channel in the server's journal: what it answered 202 for is on disk, and outlives a crash.",
    spec={
        "retention": string(
            "How long events are kept that were settled, for Subscriptions that begin in the past: a duration, "
            "a size, or both, such as `P7D,10Gi`. Without it the server's own bounds hold."
        ),
    },
    validate=_validate,
)
