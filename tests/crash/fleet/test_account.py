"""What is read out of metrics."""

from tests.crash.fleet.account import unbalanced, unsettled, waiting

METRICS = """# TYPE eventing_trigger_waiting_events gauge
eventing_trigger_waiting_events{namespace="default",broker="b",trigger="t"} 3.0
eventing_trigger_waiting_events{namespace="default",broker="b",trigger="u"} 0.0
# TYPE eventing_trigger_parked_events gauge
eventing_trigger_parked_events{namespace="default",broker="b",trigger="t"} 1.0
# TYPE eventing_trigger_in_flight_events gauge
eventing_trigger_in_flight_events{namespace="default",broker="b",trigger="u"} 4.0
# TYPE eventing_trigger_unbalanced_events gauge
eventing_trigger_unbalanced_events{namespace="default",broker="b",trigger="t"} -2.0
# TYPE eventing_broker_unaccounted_events gauge
eventing_broker_unaccounted_events{namespace="default",broker="b"} 0.0
"""


def test_what_waits_is_told_by_trigger() -> None:
    expected = ["eventing_trigger_waiting_events default b t: 3", "eventing_trigger_in_flight_events default b u: 4"]
    assert expected == waiting(METRICS)


def test_what_the_channel_knows_to_be_parked_is_not_in_doubt() -> None:
    """What waits elsewhere is, and what is under way."""
    assert 3 - 1 + 4 == unsettled(METRICS)


def test_what_does_not_balance_is_told_by_trigger() -> None:
    assert ["eventing_trigger_unbalanced_events default b t: -2"] == unbalanced(METRICS)
