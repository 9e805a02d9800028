"""What is read out of metrics."""

from tests.crash.fleet.account import unbalanced, waiting

METRICS = """# TYPE eventing_trigger_waiting_events gauge
eventing_trigger_waiting_events{namespace="default",broker="b",trigger="t"} 3.0
eventing_trigger_waiting_events{namespace="default",broker="b",trigger="u"} 0.0
# TYPE eventing_trigger_unbalanced_events gauge
eventing_trigger_unbalanced_events{namespace="default",broker="b",trigger="t"} -2.0
# TYPE eventing_broker_unaccounted_events gauge
eventing_broker_unaccounted_events{namespace="default",broker="b"} 0.0
"""


def test_what_waits_is_told_by_trigger() -> None:
    assert ["eventing_trigger_waiting_events default b t: 3"] == waiting(METRICS)


def test_what_does_not_balance_is_told_by_trigger() -> None:
    assert ["eventing_trigger_unbalanced_events default b t: -2"] == unbalanced(METRICS)
