"""JournalChannel: what it has beside what channels share."""

from eventing.resources.journal_channel import JOURNAL_CHANNEL
from eventing.resources.retention import Retention
from eventing.resources.subscribable import BackingChannel
from tests.eventing.resources.request import admitted, faults, of_kind


def test_retention_is_of_the_view() -> None:
    """As the annotation of a Broker says it; it may change."""
    old = admitted(JOURNAL_CHANNEL, of_kind(JOURNAL_CHANNEL))
    assert BackingChannel.of(old).retention is None
    stored = admitted(JOURNAL_CHANNEL, of_kind(JOURNAL_CHANNEL, {"retention": "P1D,1Ki"}), old)
    assert BackingChannel.of(stored).retention == Retention(86400.0, 1024)


def test_a_bad_retention_is_refused() -> None:
    """With its path."""
    (fault,) = faults(JOURNAL_CHANNEL, of_kind(JOURNAL_CHANNEL, {"retention": "soon"}))
    assert fault.startswith("spec.retention: invalid value: 'soon' is no retention")
